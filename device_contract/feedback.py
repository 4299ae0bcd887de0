"""What rows turned out to be: labels that an application gives its device (``up/feedback``).

A label names its row by number, or by event time. The device adds the outputs that it gave,
as long as it remembers them. Sequence numbers are shared with reports, and an ``Ack`` names
them alike. The page is ``docs/formats/messages.md``.
"""

from typing import Annotated, Final

import msgspec

from device_contract.messages import BootId, Message, Natural, Text
from device_contract.names import DeviceId, Name

MAX_LABELS: Final = 512
"""Labels of one message."""


class LabelledRow(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """The truth about one row; ``row`` or ``time_ms`` says which."""

    row: Natural | None
    """Its number: the device's count of rows scored since enrolment."""
    time_ms: Natural | None
    """Event time, Unix milliseconds."""
    outputs: Annotated[bytes, msgspec.Meta(max_length=32_768)]
    """What the model gave, float64 (n_outputs,), little-endian; empty if unknown."""
    label: float | Text
    """A number, or the label of a class."""
    weight: Annotated[float, msgspec.Meta(ge=0.0)] = 1.0


class Feedback(Message, frozen=True, kw_only=True):
    """Some labels of one model's rows; its key is (device, boot, sequence)."""

    device_id: DeviceId
    boot_id: BootId
    sequence: Natural
    model: Name
    version: Name
    labels: Annotated[tuple[LabelledRow, ...], msgspec.Meta(max_length=MAX_LABELS)]
