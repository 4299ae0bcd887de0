"""Release signatures: CI's word that a bundle is the release of its name.

A DSSE envelope over an in-toto statement whose subject is the bundle, under its path in the
repository, by CI's Ed25519 key. The page is ``docs/formats/bundle.md``.
"""

import os
from pathlib import Path

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from compiler.errors import KeyFileError
from compiler.supply_chain import statement
from device_contract import envelope
from device_contract.assignment import target_path
from device_contract.bundle import Bundle
from device_contract.errors import EnvelopeError

PAYLOAD_TYPE = "application/vnd.in-toto+json"
PRIVATE_KEY_NAME = "ci.key"
PUBLIC_KEY_NAME = "ci.pub"
_PREDICATE_TYPE = "urn:leeway:release:v1"


class _Subject(msgspec.Struct, frozen=True):
    name: str
    digest: dict[str, str]


class _Statement(msgspec.Struct, frozen=True):
    subject: tuple[_Subject, ...]


def create_keys(folder: Path) -> tuple[Path, Path]:
    """Make a new key pair: ``ci.key`` (PKCS #8 PEM, readable by the owner alone) and ``ci.pub``.

    Raises:
        KeyFileError: There is a key already, or the folder cannot be written.
    """
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _write_new(folder / PRIVATE_KEY_NAME, private, 0o600)
        _write_new(folder / PUBLIC_KEY_NAME, public, 0o644)
    except FileExistsError as error:
        raise KeyFileError(f"{error.filename} is there already; a key is never overwritten") from error
    except OSError as error:
        raise KeyFileError(f"cannot write keys into {folder}: {error.strerror}") from error
    return folder / PRIVATE_KEY_NAME, folder / PUBLIC_KEY_NAME


def load_private_key(path: Path) -> Ed25519PrivateKey:
    """Read a private key.

    Raises:
        KeyFileError: The file cannot be read, or holds no Ed25519 private key.
    """
    try:
        key = load_pem_private_key(_read(path), None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise KeyFileError(f"{path} holds no unencrypted private key in PEM") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyFileError(f"{path} holds another kind of key than Ed25519")
    return key


def load_public_key(path: Path) -> Ed25519PublicKey:
    """Read a public key.

    Raises:
        KeyFileError: The file cannot be read, or holds no Ed25519 public key.
    """
    try:
        key = load_pem_public_key(_read(path))
    except (ValueError, UnsupportedAlgorithm) as error:
        raise KeyFileError(f"{path} holds no public key in PEM") from error
    if not isinstance(key, Ed25519PublicKey):
        raise KeyFileError(f"{path} holds another kind of key than Ed25519")
    return key


def sign_bundle(bundle: Bundle, key: Ed25519PrivateKey) -> bytes:
    """Sign a bundle; the same bundle and key give the same bytes."""
    manifest = bundle.manifest
    path = target_path(manifest.model, manifest.version, manifest.profile)
    predicate = {
        "model": manifest.model,
        "version": manifest.version,
        "profile": manifest.profile,
        "sizeBytes": bundle.size_bytes,
    }
    return envelope.sign(PAYLOAD_TYPE, statement({path: bundle.sha256}, _PREDICATE_TYPE, predicate), [key])


def verify_bundle(bundle: Bundle, signature: bytes, key: Ed25519PublicKey) -> None:
    """Check that a signature by the key is about this bundle.

    Raises:
        EnvelopeError: The envelope is malformed, or the key did not sign it.
        KeyFileError: It is about something else.
    """
    payload = envelope.verify(signature, PAYLOAD_TYPE, [key])
    manifest = bundle.manifest
    path = target_path(manifest.model, manifest.version, manifest.profile)
    try:
        subjects = msgspec.json.decode(payload, type=_Statement).subject
    except msgspec.DecodeError as error:
        raise KeyFileError(f"the signature holds no in-toto statement: {error}") from error
    if not any(subject.name == path and subject.digest.get("sha256") == bundle.sha256 for subject in subjects):
        raise KeyFileError(f"the signature is not about {path} with SHA-256 {bundle.sha256}")


def check_signature_file(bundle: Bundle, bundle_path: Path, public_key: Path) -> None:
    """Check the signature that lies beside a bundle.

    Raises:
        KeyFileError: There is no signature, it is malformed, of another key or about something else,
            or the key cannot be read.
    """
    path = signature_path(bundle_path)
    try:
        signature = path.read_bytes()
    except OSError as error:
        raise KeyFileError(f"cannot read signature {path}: {error.strerror}") from error
    key = load_public_key(public_key)
    try:
        verify_bundle(bundle, signature, key)
    except (EnvelopeError, KeyFileError) as error:
        raise KeyFileError(f"{path}: {error}") from error


def signature_path(bundle_path: Path) -> Path:
    """Return where a bundle's signature lies: beside it, with ``.sig`` added."""
    return bundle_path.with_name(bundle_path.name + ".sig")


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise KeyFileError(f"cannot read key {path}: {error.strerror}") from error


def _write_new(path: Path, data: bytes, mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
