"""Is an uploaded bundle what its signature and its path say? Pure but for reading the file."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from device_contract.assignment import target_path
from device_contract.baseline import decode_baseline
from device_contract.bundle import Bundle, open_file
from device_contract.envelope import verify
from device_contract.errors import ContractError
from device_contract.selftest import decode_self_test
from fleet_server.errors import InvalidRequestError

STATEMENT_TYPE: Final = "application/vnd.in-toto+json"


class _Digest(msgspec.Struct):
    sha256: str


class _Subject(msgspec.Struct):
    name: str
    digest: _Digest


class _Statement(msgspec.Struct, rename={"kind": "_type"}):
    """In-toto Statement, https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md."""

    kind: Literal["https://in-toto.io/Statement/v1"]
    subject: Annotated[list[_Subject], msgspec.Meta(min_length=1, max_length=16)]


def open_bundle(path: Path, model: str) -> Bundle:
    """Open an uploaded bundle and check that all of it can be used.

    Raises:
        InvalidRequestError: The archive, its manifest, its baseline or its self-test is
            malformed, or it is of another model.
    """
    try:
        bundle = open_file(path)
        decode_baseline(bundle.files[bundle.manifest.baseline.path])
        decode_self_test(bundle.files[bundle.manifest.self_test.file.path])
    except ContractError as error:
        # The file's name on this machine says nothing to the one who sent it.
        raise InvalidRequestError(str(error).replace(str(path), "the bundle"), code="bundle_invalid") from error
    if bundle.manifest.model != model:
        raise InvalidRequestError(
            f"the bundle is of model {bundle.manifest.model!r}, not {model!r}", code="wrong_model"
        )
    return bundle


def bundle_path(bundle: Bundle) -> str:
    """Return the bundle's path in the repository."""
    return target_path(bundle.manifest.model, bundle.manifest.version, bundle.manifest.profile)


def check_signature(bundle: Bundle, signature: bytes, keys: Sequence[Ed25519PublicKey]) -> None:
    """Check that one of the keys vouches for exactly this bundle.

    Args:
        bundle: The opened bundle.
        signature: DSSE envelope over an in-toto statement.
        keys: The model's keys.

    Raises:
        InvalidRequestError: None does.
    """
    try:
        statement = msgspec.json.decode(verify(signature, STATEMENT_TYPE, keys), type=_Statement)
    except (ContractError, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidRequestError(f"the signature: {error}", code="signature_invalid") from error
    wanted = (bundle_path(bundle), bundle.sha256)
    if wanted not in {(subject.name, subject.digest.sha256) for subject in statement.subject}:
        raise InvalidRequestError(
            f"the signature vouches for {_first(statement)}, not for this bundle, {wanted[0]} ({bundle.sha256[:12]})",
            code="signature_invalid",
        )


def _first(statement: _Statement) -> str:
    subject = statement.subject[0]
    return f"{subject.name[:120]!r} ({subject.digest.sha256[:12]!r})"


def parse_keys(texts: Sequence[str]) -> list[Ed25519PublicKey]:
    """Parse raw Ed25519 public keys in hexadecimal.

    Raises:
        InvalidRequestError: A key is not 32 bytes in hexadecimal.
    """
    try:
        return [Ed25519PublicKey.from_public_bytes(bytes.fromhex(text)) for text in texts]
    except ValueError as error:
        raise InvalidRequestError(
            "a public key must be 32 bytes in hexadecimal (Ed25519)", code="malformed_key"
        ) from error
