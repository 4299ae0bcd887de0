"""Canonical JSON and digests: the same value gives the same bytes everywhere."""

import hashlib
from typing import Any

import msgspec


def canonical_json(value: Any) -> bytes:  # noqa: ANN401  (any msgspec-encodable value)
    """Encode a value as JSON with sorted keys and no white space (RFC 8259, UTF-8).

    Args:
        value: A msgspec struct, or plain dicts, lists, strings and numbers. NaN and
            infinities become ``null``.

    Returns:
        The bytes; equal values give equal bytes.
    """
    return msgspec.json.encode(value, order="sorted")


def sha256_hex(data: bytes | bytearray | memoryview) -> str:
    """Return the SHA-256 of the bytes as 64 lower-case hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()
