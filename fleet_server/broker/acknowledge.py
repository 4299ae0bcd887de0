"""Telling devices which of their numbered messages are committed."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Final

from device_contract.codec import encode
from device_contract.feedback import Feedback
from device_contract.messages import Ack, Report
from device_contract.samples import Sample
from device_contract.topics import down
from fleet_server.broker.ingest import Outbound

MAX_ACK_SEQUENCES: Final = 1000


def acknowledge(messages: Iterable[Report | Sample | Feedback]) -> list[Outbound]:
    """Return the acknowledgements of these messages: one or more for each device and boot."""
    sequences: dict[tuple[str, str], list[int]] = defaultdict(list)
    for message in messages:
        sequences[message.device_id, message.boot_id].append(message.sequence)
    return [
        Outbound(down(device_id, "ack"), encode(Ack(boot_id=boot_id, sequences=tuple(part))))
        for (device_id, boot_id), numbers in sequences.items()
        for part in _parts(numbers)
    ]


def _parts(numbers: list[int]) -> Iterable[list[int]]:
    return (numbers[start : start + MAX_ACK_SEQUENCES] for start in range(0, len(numbers), MAX_ACK_SEQUENCES))
