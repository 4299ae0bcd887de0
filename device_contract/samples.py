"""Raw rows that a device sends when its assignment allows it (``up/sample``).

Which rows is decided by a keyed hash of the row's number, so that neither the values nor the
clock choose them: of a window's rows, those with the smallest hashes. The values of redacted
features, and what they contributed, are NaN. Sequence numbers are shared with reports, and an
``Ack`` names them alike. The page is ``docs/formats/messages.md``.
"""

from typing import Annotated, Final

import msgspec

from device_contract.messages import BootId, Message, Natural, Slot, Text
from device_contract.names import DeviceId, Name, Sha256

MAX_SAMPLED_ROWS: Final = 256
"""Rows of one message; fewer where they are wide, for a message has its limit too."""

RowBytes = Annotated[bytes, msgspec.Meta(max_length=65_536)]


class SampledRow(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """One row as it was scored; numbers are little-endian."""

    row: Natural
    """Its number: the device's count of rows scored since enrolment, this one included."""
    time_ms: Natural
    """Event time, Unix milliseconds."""
    values: RowBytes
    """float32 (n_features,)."""
    outputs: RowBytes
    """float64 (n_outputs,)."""
    contributions: RowBytes = b""
    """float32 (n_features, explained scores); empty if the row was not explained."""


class Sample(Message, frozen=True, kw_only=True):
    """Some rows of one window; its key is (device, boot, sequence)."""

    device_id: DeviceId
    boot_id: BootId
    sequence: Natural
    slot: Slot
    model: Name
    version: Name
    bundle_sha256: Sha256
    window_start_ms: Natural
    """Start of the window in event time, inclusive."""
    window_end_ms: Natural
    """End of the window, exclusive."""
    rows_seen: Natural
    """Rows of the window, from which these were drawn."""
    redacted: Annotated[tuple[Text, ...], msgspec.Meta(max_length=4096)]
    """Features whose values are withheld."""
    rows: Annotated[tuple[SampledRow, ...], msgspec.Meta(max_length=MAX_SAMPLED_ROWS)]
