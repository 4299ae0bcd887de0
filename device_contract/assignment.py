"""The assignment: what one device shall hold, signed by the server's director key."""

from typing import Annotated, Literal

import msgspec

from device_contract.errors import EnvelopeError
from device_contract.messages import Natural, Slot, Text
from device_contract.names import DeviceId, Name, Sha256, whole
from device_contract.samples import MAX_SAMPLED_ROWS

PAYLOAD_TYPE = "application/vnd.leeway.assignment.v1+json"
"""DSSE payload type; the payload is the canonical JSON of an ``Assignment``."""


class AssignedSlot(msgspec.Struct, frozen=True, kw_only=True):
    """One slot and the bundle that it shall hold."""

    slot: Slot
    model: Name
    version: Name
    target_path: Text
    """The bundle's path in the TUF repository: ``{model}/{version}/{profile or portable}.bundle``."""
    sha256: Sha256
    length_bytes: Natural


class SamplingPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """Leave to send raw rows; without one a device sends none."""

    rows_per_window: Annotated[int, msgspec.Meta(ge=1, le=MAX_SAMPLED_ROWS)]
    """At most so many rows of a window."""
    key: Annotated[str, whole(r"^[0-9a-f]{32,128}$")]
    """Key of the hash that chooses the rows, in hexadecimal."""
    redacted: Annotated[tuple[Text, ...], msgspec.Meta(max_length=4096)] = ()
    """Features whose values never leave the device."""
    minimum_rows: Natural = 0
    """A window of fewer rows sends none."""
    explain: bool = False
    """Send what each feature contributed, where the plan can tell."""


class Assignment(msgspec.Struct, frozen=True, kw_only=True):
    """What a device shall hold from now on."""

    schema_version: Literal[1] = 1
    device_id: DeviceId
    sequence: Natural
    """Rises with every assignment to this device; a lower or equal one is ignored."""
    action_id: Text
    """The device's part in a deployment; reissuing the same content keeps it."""
    issued_ms: Natural
    expires_ms: Natural
    slots: Annotated[tuple[AssignedSlot, ...], msgspec.Meta(max_length=8)]
    sampling: SamplingPolicy | None = None
    """Which raw rows the device may send; none without it."""


def target_path(model: str, version: str, profile: str | None) -> str:
    """Return where a bundle lives in the TUF repository."""
    return f"{model}/{version}/{profile or 'portable'}.bundle"


def decode_assignment(payload: bytes) -> Assignment:
    """Decode the verified payload of an assignment's envelope.

    Raises:
        EnvelopeError: The payload is malformed or of an unknown version.
    """
    try:
        return msgspec.json.decode(payload, type=Assignment)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise EnvelopeError(f"malformed assignment: {error}") from error
