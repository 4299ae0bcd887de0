"""DSSE envelopes (https://github.com/secure-systems-lab/dsse, version 1.0.2), Ed25519.

The signature covers the pre-authentication encoding (PAE), so the payload's type is
signed with the payload. A key's id is the SHA-256 of its 32 raw public bytes.
"""

import base64
from collections.abc import Iterable

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from device_contract.canonical import canonical_json, sha256_hex
from device_contract.errors import EnvelopeError

MAX_ENVELOPE_BYTES = 1 << 20
MAX_SIGNATURES = 16


class _Signature(msgspec.Struct, frozen=True):
    keyid: str
    sig: str


class _Envelope(msgspec.Struct, frozen=True, rename={"payload_type": "payloadType"}):
    payload: str
    payload_type: str
    signatures: tuple[_Signature, ...]


def key_id(key: Ed25519PublicKey) -> str:
    """Return the id of a public key: SHA-256 of its raw bytes, in hexadecimal."""
    return sha256_hex(key.public_bytes_raw())


def pre_authentication_encoding(payload_type: str, payload: bytes) -> bytes:
    """Return the bytes that are signed: DSSE protocol, ``PAE(type, body)``."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def sign(payload_type: str, payload: bytes, keys: Iterable[Ed25519PrivateKey]) -> bytes:
    """Wrap a payload in an envelope signed by each key; the same inputs give the same bytes."""
    message = pre_authentication_encoding(payload_type, payload)
    signatures = tuple(
        _Signature(key_id(key.public_key()), base64.b64encode(key.sign(message)).decode()) for key in keys
    )
    return canonical_json(_Envelope(base64.b64encode(payload).decode(), payload_type, signatures))


def verify(envelope: bytes, payload_type: str, keys: Iterable[Ed25519PublicKey]) -> bytes:
    """Return the payload if one of the trusted keys signed it as the given type.

    Raises:
        EnvelopeError: The envelope is malformed, of another type, or no trusted key signed it.
    """
    parsed = _parse(envelope)
    if parsed.payload_type != payload_type:
        raise EnvelopeError(f"envelope holds {parsed.payload_type[:80]!r}, expected {payload_type!r}")
    payload = _unbase64(parsed.payload)
    message = pre_authentication_encoding(payload_type, payload)
    by_id = {key_id(key): key for key in keys}
    for signature in parsed.signatures:
        key = by_id.get(signature.keyid)
        if key is not None and _is_valid(key, signature.sig, message):
            return payload
    raise EnvelopeError("no trusted key signed this envelope")


def _parse(envelope: bytes) -> _Envelope:
    if len(envelope) > MAX_ENVELOPE_BYTES:
        raise EnvelopeError(f"envelope has {len(envelope)} bytes, limit {MAX_ENVELOPE_BYTES}")
    try:
        parsed = msgspec.json.decode(envelope, type=_Envelope)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise EnvelopeError(f"malformed envelope: {error}") from error
    if len(parsed.signatures) > MAX_SIGNATURES:
        raise EnvelopeError(f"envelope has {len(parsed.signatures)} signatures, limit {MAX_SIGNATURES}")
    return parsed


def _unbase64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError as error:
        raise EnvelopeError("envelope holds malformed base64") from error


def _is_valid(key: Ed25519PublicKey, signature: str, message: bytes) -> bool:
    try:
        key.verify(_unbase64(signature), message)
    except InvalidSignature:
        return False
    return True
