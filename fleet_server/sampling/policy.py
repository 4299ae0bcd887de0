"""What devices may send: policies by label, and what several of them allow together; pure.

Without a policy a device sends no row. Where several fit, all of them must agree: the fewest
rows, the largest minimum, every feature that any of them redacts.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from device_contract.assignment import SamplingPolicy

DEVICE_KEY_BYTES: Final = 16


@dataclass(frozen=True)
class GroupPolicy:
    """What the devices of a group may send.

    Attributes:
        name: The policy's name.
        labels: The labels of its devices; none for every device.
        rows_per_window: At most so many; 0 forbids.
        minimum_rows: A window of fewer rows sends none.
        redacted: Features whose values never leave a device.
        explain: Whether contributions are sent with the rows.
        key: The secret from which the devices' keys are made.
    """

    name: str
    labels: Mapping[str, str]
    rows_per_window: int
    minimum_rows: int
    redacted: tuple[str, ...]
    explain: bool
    key: bytes

    def fits(self, labels: Mapping[str, str]) -> bool:
        """Tell whether a device with these labels is of the group."""
        return self.labels.items() <= labels.items()


def allowance(policies: Iterable[GroupPolicy], device_id: str, labels: Mapping[str, str]) -> SamplingPolicy | None:
    """Return what a device may send, to be signed into its assignment.

    Each device has a key of its own, so that the fleet's samples are independent: with one key
    for all, every device would send the rows of the same numbers.

    Args:
        policies: All there are.
        device_id: The device.
        labels: Its labels.

    Returns:
        None where no policy fits, or one forbids.
    """
    fitting = sorted((policy for policy in policies if policy.fits(labels)), key=lambda policy: policy.name)
    if not fitting or not all(policy.rows_per_window for policy in fitting):
        return None
    return SamplingPolicy(
        rows_per_window=min(policy.rows_per_window for policy in fitting),
        key=device_key(fitting[0].key, device_id),
        redacted=tuple(sorted({name for policy in fitting for name in policy.redacted})),
        minimum_rows=max(policy.minimum_rows for policy in fitting),
        explain=all(policy.explain for policy in fitting),
    )


def device_key(key: bytes, device_id: str) -> str:
    """Return the key of one device, in hexadecimal."""
    return hashlib.blake2b(device_id.encode(), key=key, digest_size=DEVICE_KEY_BYTES).hexdigest()
