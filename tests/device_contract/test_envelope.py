import base64
import contextlib
import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from device_contract import envelope
from device_contract.envelope import MAX_ENVELOPE_BYTES, MAX_SIGNATURES
from device_contract.errors import EnvelopeError

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OTHER = Ed25519PrivateKey.from_private_bytes(bytes(32))
TYPE = "application/example+json"
PAYLOAD = b'{"hold":"this"}'
GOLDEN = (Path(__file__).resolve().parent.parent / "golden" / "envelope" / "example.json").read_bytes()


def test_the_golden_envelope_is_signed_byte_for_byte() -> None:
    assert envelope.sign(TYPE, PAYLOAD, [KEY]) == GOLDEN


def test_the_golden_envelope_still_verifies() -> None:
    assert envelope.verify(GOLDEN, TYPE, [KEY.public_key()]) == PAYLOAD


def test_the_encoding_that_is_signed_is_that_of_the_protocol() -> None:
    # The example of the DSSE protocol, version 1.0.2.
    encoded = envelope.pre_authentication_encoding("http://example.com/HelloWorld", b"hello world")
    assert encoded == b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"


@given(st.binary(max_size=200), st.text(max_size=40))
def test_what_is_signed_is_verified(payload: bytes, payload_type: str) -> None:
    signed = envelope.sign(payload_type, payload, [OTHER, KEY])
    assert envelope.verify(signed, payload_type, [KEY.public_key()]) == payload


def test_another_key_does_not_vouch() -> None:
    with pytest.raises(EnvelopeError, match="no trusted key"):
        envelope.verify(GOLDEN, TYPE, [OTHER.public_key()])
    with pytest.raises(EnvelopeError, match="no trusted key"):
        envelope.verify(GOLDEN, TYPE, [])


def test_a_borrowed_key_id_does_not_vouch() -> None:
    document = json.loads(envelope.sign(TYPE, PAYLOAD, [OTHER]))
    document["signatures"][0]["keyid"] = envelope.key_id(KEY.public_key())
    with pytest.raises(EnvelopeError, match="no trusted key"):
        envelope.verify(json.dumps(document).encode(), TYPE, [KEY.public_key()])


def test_the_type_is_signed_with_the_payload() -> None:
    with pytest.raises(EnvelopeError, match="expected"):
        envelope.verify(GOLDEN, "application/other", [KEY.public_key()])
    document = json.loads(GOLDEN)
    document["payloadType"] = "application/other"
    with pytest.raises(EnvelopeError, match="no trusted key"):
        envelope.verify(json.dumps(document).encode(), "application/other", [KEY.public_key()])


def test_an_oversized_envelope_is_refused() -> None:
    with pytest.raises(EnvelopeError, match="limit"):
        envelope.verify(b" " * (MAX_ENVELOPE_BYTES + 1), TYPE, [KEY.public_key()])


def test_too_many_signatures_are_refused() -> None:
    document = json.loads(GOLDEN)
    document["signatures"] *= MAX_SIGNATURES + 1
    with pytest.raises(EnvelopeError, match="signatures"):
        envelope.verify(json.dumps(document).encode(), TYPE, [KEY.public_key()])


@pytest.mark.parametrize("signature", ["", "!", "AA==", "é", base64.b64encode(bytes(64)).decode()])
def test_a_malformed_signature_is_refused(signature: str) -> None:
    document = json.loads(GOLDEN)
    document["signatures"][0]["sig"] = signature
    with pytest.raises(EnvelopeError):
        envelope.verify(json.dumps(document).encode(), TYPE, [KEY.public_key()])


@given(st.integers(0, len(GOLDEN) - 1), st.integers(1, 255))
def test_a_flipped_byte_never_changes_what_is_vouched_for(position: int, mask: int) -> None:
    mutated = bytearray(GOLDEN)
    mutated[position] ^= mask
    with contextlib.suppress(EnvelopeError):
        assert envelope.verify(bytes(mutated), TYPE, [KEY.public_key()]) == PAYLOAD


@given(st.binary(max_size=512))
def test_rubbish_is_refused(data: bytes) -> None:
    with pytest.raises(EnvelopeError):
        envelope.verify(data, TYPE, [KEY.public_key()])


@given(st.integers(0, len(GOLDEN) - 1))
def test_a_truncated_envelope_is_refused(length: int) -> None:
    with pytest.raises(EnvelopeError):
        envelope.verify(GOLDEN[:length], TYPE, [KEY.public_key()])


def test_deep_nesting_is_refused() -> None:
    with pytest.raises(EnvelopeError):
        envelope.verify(b"[" * 200_000, TYPE, [KEY.public_key()])
