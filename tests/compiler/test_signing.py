import json
import stat
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from numpy.typing import NDArray

from compiler import compile_model, signing
from compiler.errors import KeyFileError
from device_contract import bundle, envelope
from device_contract.bundle import Bundle
from device_contract.errors import EnvelopeError


@pytest.fixture(scope="module")
def opened(linear: Any, rows: NDArray[np.float32]) -> Bundle:
    return bundle.read(compile_model(linear, rows, name="pump", version="1", kind="onnx").data)


def test_keys_are_made_once_and_the_private_one_is_the_owner_s_alone(tmp_path: Path) -> None:
    private, public = signing.create_keys(tmp_path / "keys")
    assert (private.name, public.name) == ("ci.key", "ci.pub")
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    assert signing.load_private_key(private).public_key() == signing.load_public_key(public)
    with pytest.raises(KeyFileError, match="never overwritten"):
        signing.create_keys(tmp_path / "keys")


def test_a_folder_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(KeyFileError, match="cannot write keys"):
        signing.create_keys(tmp_path / "file" / "keys")


def test_a_signature_is_an_in_toto_statement_about_the_bundle(tmp_path: Path, opened: Bundle) -> None:
    private, public = signing.create_keys(tmp_path)
    signature = signing.sign_bundle(opened, signing.load_private_key(private))
    assert signature == signing.sign_bundle(opened, signing.load_private_key(private))
    payload = envelope.verify(signature, "application/vnd.in-toto+json", [signing.load_public_key(public)])
    statement = json.loads(payload)
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert statement["subject"] == [{"name": "pump/1/portable.bundle", "digest": {"sha256": opened.sha256}}]
    signing.verify_bundle(opened, signature, signing.load_public_key(public))


def test_a_signature_of_another_key_or_about_another_bundle_is_refused(
    tmp_path: Path, opened: Bundle, linear: Any, rows: NDArray[np.float32]
) -> None:
    private, public = signing.create_keys(tmp_path / "ours")
    other, _ = signing.create_keys(tmp_path / "others")
    with pytest.raises(EnvelopeError, match="no trusted key"):
        signing.verify_bundle(
            opened, signing.sign_bundle(opened, signing.load_private_key(other)), signing.load_public_key(public)
        )
    newer = bundle.read(compile_model(linear, rows, name="pump", version="2", kind="onnx").data)
    with pytest.raises(KeyFileError, match=r"not about pump/1/portable\.bundle"):
        signing.verify_bundle(
            opened, signing.sign_bundle(newer, signing.load_private_key(private)), signing.load_public_key(public)
        )


def test_a_signed_payload_that_is_no_statement_is_refused(tmp_path: Path, opened: Bundle) -> None:
    private, public = signing.create_keys(tmp_path)
    signature = envelope.sign(signing.PAYLOAD_TYPE, b"[]", [signing.load_private_key(private)])
    with pytest.raises(KeyFileError, match="no in-toto statement"):
        signing.verify_bundle(opened, signature, signing.load_public_key(public))


@pytest.mark.parametrize("data", [b"", b"rubbish", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"])
def test_a_file_that_is_no_key_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "ci.key"
    path.write_bytes(data)
    with pytest.raises(KeyFileError, match="holds no unencrypted private key"):
        signing.load_private_key(path)
    with pytest.raises(KeyFileError, match="holds no public key"):
        signing.load_public_key(path)
    with pytest.raises(KeyFileError, match="cannot read key"):
        signing.load_private_key(tmp_path / "missing")


def test_another_kind_of_key_is_refused(tmp_path: Path) -> None:
    key = generate_private_key(SECP256R1())
    path = tmp_path / "ci.key"
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    with pytest.raises(KeyFileError, match="another kind of key than Ed25519"):
        signing.load_private_key(path)
    path.write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    with pytest.raises(KeyFileError, match="another kind of key than Ed25519"):
        signing.load_public_key(path)
