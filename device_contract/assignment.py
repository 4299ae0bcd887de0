"""The assignment: what one device shall hold, signed by the server's director key."""

from typing import Annotated, Literal

import msgspec

from device_contract.errors import EnvelopeError
from device_contract.messages import Natural, Slot, Text
from device_contract.names import DeviceId, Name, Sha256

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
