"""Files that appear whole or not at all, and private keys that only their owner reads."""

import os
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from fleet_server.errors import StartError

PRIVATE_MODE = 0o600
PUBLIC_MODE = 0o644


def write_file(path: Path, data: bytes, *, mode: int = PUBLIC_MODE) -> None:
    """Write a file so that a crash leaves the old one or the new one, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.draft")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Make renames within a folder durable."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_file(path: Path) -> bytes:
    """Read a file that the server cannot do without.

    Raises:
        StartError: It is missing or unreadable.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise StartError(f"cannot read {path}: {error.strerror}; was the data folder set up?") from error


def write_key(path: Path, key: Ed25519PrivateKey | EllipticCurvePrivateKey) -> None:
    """Write a private key as PKCS #8 PEM, readable by its owner alone."""
    write_file(path, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), mode=PRIVATE_MODE)


def read_ed25519_key(path: Path) -> Ed25519PrivateKey:
    """Read an Ed25519 private key.

    Raises:
        StartError: The file is missing or holds something else.
    """
    key = _read_key(path)
    if not isinstance(key, Ed25519PrivateKey):
        raise StartError(f"{path} does not hold an Ed25519 key")
    return key


def read_ec_key(path: Path) -> EllipticCurvePrivateKey:
    """Read an elliptic-curve private key.

    Raises:
        StartError: The file is missing or holds something else.
    """
    key = _read_key(path)
    if not isinstance(key, EllipticCurvePrivateKey):
        raise StartError(f"{path} does not hold an elliptic-curve key")
    return key


def _read_key(path: Path) -> object:
    try:
        return load_pem_private_key(read_file(path), None)
    except (ValueError, TypeError) as error:
        raise StartError(f"{path} does not hold a private key; restore the data folder") from error
