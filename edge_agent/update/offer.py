"""An offer: an assignment that has come and is not verified yet.

What is read here is what the assignment *claims*. It serves to name the action in a
Status and to pass over what is old; nothing is installed on its word.
"""

import base64

import msgspec

from device_contract.assignment import decode_assignment
from device_contract.errors import EnvelopeError
from device_contract.messages import AssignmentMessage


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """An assignment as it came."""

    envelope: bytes
    repository_url: str
    action_id: str
    sequence: int


class _Envelope(msgspec.Struct):
    payload: str


def read_offer(message: AssignmentMessage) -> Offer:
    """Read what an assignment claims.

    Raises:
        EnvelopeError: It is no envelope, or holds no assignment.
    """
    try:
        payload = base64.b64decode(msgspec.json.decode(message.envelope, type=_Envelope).payload, validate=True)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError) as error:
        raise EnvelopeError(f"malformed envelope: {error}") from error
    claim = decode_assignment(payload)
    return Offer(
        envelope=message.envelope,
        repository_url=message.repository_url,
        action_id=claim.action_id,
        sequence=claim.sequence,
    )
