"""What lies in the outbox: its names on the disk, and how it is read again.

One file a message, named ``{first}-{last}.{report|sample|feedback}``, and ``.sent`` behind it
once it was handed to the broker. The numbers are the places in the outbox's order that it
stands for: a report that was merged out of its neighbours stands for all of theirs.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import msgspec

from device_contract.baseline import Baseline
from device_contract.codec import decode
from device_contract.feedback import Feedback
from device_contract.messages import Report
from device_contract.samples import Sample
from device_contract.sketches import decode_summary, encode_summary, merge

Kind = Literal["report", "feedback", "sample"]
Numbered = Report | Feedback | Sample
"""A message with a sequence number, which an ``Ack`` names."""
KINDS: Final[dict[Kind, type[Report] | type[Feedback] | type[Sample]]] = {
    "report": Report,
    "feedback": Feedback,
    "sample": Sample,
}
"""In the order in which they are sent."""
_SENT: Final = "sent"


@dataclass
class Entry:
    """One message that waits.

    Attributes:
        first: The first place that it stands for.
        last: The last one.
        kind: What it is.
        key: Boot id and sequence.
        origin: What must be equal for two reports to merge.
        windows: Windows that a report stands for.
        size_bytes: Of its encoding.
        was_sent: Whether it was ever handed to the broker.
        unwritten: The message itself, while the disk refuses it.
        sent_s: When it was last sent on this connection, monotonic seconds.
    """

    first: int
    last: int
    kind: Kind
    key: tuple[str, int]
    origin: tuple[str, ...]
    windows: int
    size_bytes: int
    was_sent: bool = False
    unwritten: bytes | None = None
    sent_s: float | None = None

    @property
    def file_name(self) -> str:
        """Its name on the disk."""
        return f"{self.first:012d}-{self.last:012d}.{self.kind}{f'.{_SENT}' if self.was_sent else ''}"


def entry_of(message: Numbered, first: int, last: int, size_bytes: int) -> Entry:
    """Describe a message."""
    key = (message.boot_id, message.sequence)
    if isinstance(message, Report):
        origin = (message.slot, message.model, message.version, message.bundle_sha256, message.baseline_sha256)
        return Entry(first, last, "report", key, origin, message.merged_windows, size_bytes)
    return Entry(first, last, "sample" if isinstance(message, Sample) else "feedback", key, (), 0, size_bytes)


def read_entry(path: Path) -> Entry:
    """Read a file of the outbox.

    Raises:
        OSError: It cannot be read.
        ValueError: Its name is none.
        MessageError: It holds no such message.
    """
    places, kind, *sent = path.name.split(".")
    first, last = map(int, places.split("-"))
    if kind not in KINDS or sent not in ([], [_SENT]):
        raise ValueError("no such name")
    data = path.read_bytes()
    entry = entry_of(decode(data, KINDS[kind]), first, last, len(data))
    entry.was_sent = bool(sent)
    return entry


def widest_first(path: Path) -> tuple[int, int]:
    """Return what sorts files by their first place, the widest first."""
    first, _, last = path.name.partition(".")[0].partition("-")
    return int(first), -int(last)


def merge_reports(older: Report, newer: Report, baseline: Baseline) -> Report:
    """Return one report of both windows, under the newer one's key.

    Raises:
        SketchError: A summary does not belong to the baseline.
    """
    summary = merge(decode_summary(older.summary, baseline), decode_summary(newer.summary, baseline))
    return msgspec.structs.replace(
        newer,
        window_start_ms=min(older.window_start_ms, newer.window_start_ms),
        window_end_ms=max(older.window_end_ms, newer.window_end_ms),
        merged_windows=older.merged_windows + newer.merged_windows,
        rows=older.rows + newer.rows,
        summary=encode_summary(summary, baseline),
    )
