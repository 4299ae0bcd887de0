"""Messages to bytes and back: the only encoder of what goes over MQTT."""

from typing import TypeVar

import msgspec

from device_contract.errors import MessageError
from device_contract.messages import Message

MAX_MESSAGE_BYTES = 98_304
"""No message is larger, in either direction; brokers are told the same limit."""

_MessageT = TypeVar("_MessageT", bound=Message)
_encoder = msgspec.msgpack.Encoder()


def encode(message: Message) -> bytes:
    """Encode a message.

    Raises:
        MessageError: The message is larger than ``MAX_MESSAGE_BYTES``.
    """
    data = _encoder.encode(message)
    if len(data) > MAX_MESSAGE_BYTES:
        raise MessageError(f"{type(message).__name__} has {len(data)} bytes, limit {MAX_MESSAGE_BYTES}")
    return data


def decode(data: bytes, message_type: type[_MessageT]) -> _MessageT:
    """Decode a message of the given type, ignoring trailing fields of newer versions.

    Raises:
        MessageError: The bytes are oversized, malformed, or of an unknown schema version.
    """
    if len(data) > MAX_MESSAGE_BYTES:
        raise MessageError(f"{message_type.__name__} has {len(data)} bytes, limit {MAX_MESSAGE_BYTES}")
    try:
        return msgspec.msgpack.decode(data, type=message_type)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MessageError(f"malformed {message_type.__name__}: {error}") from error
