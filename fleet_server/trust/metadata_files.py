"""TUF metadata on disk: signed, numbered, written whole."""

import datetime as dt
import re
from pathlib import Path
from typing import Any, Final, TypeVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from securesystemslib.signer import CryptoSigner, SSlibKey
from tuf.api.metadata import Metadata, Root, Snapshot, Targets, Timestamp
from tuf.api.serialization import DeserializationError
from tuf.api.serialization.json import JSONSerializer

from fleet_server.errors import StartError
from fleet_server.settings import DataFolder
from fleet_server.trust.files import read_ed25519_key, read_file, write_file, write_key

OWNER_LIFE: Final = dt.timedelta(days=365)
ONLINE_LIFE: Final = dt.timedelta(days=7)

LIVES: Final = {"root": OWNER_LIFE, "targets": OWNER_LIFE, "snapshot": ONLINE_LIFE, "timestamp": ONLINE_LIFE}
_KEYS: Final = {"root": "tuf-root", "targets": "tuf-targets", "snapshot": "tuf-online", "timestamp": "tuf-online"}
_SERVED = re.compile(r"timestamp\.json|[1-9][0-9]{0,9}\.(root|targets|snapshot|m-[a-z0-9][a-z0-9._-]{0,63})\.json")
_SignedT = TypeVar("_SignedT", Root, Targets, Snapshot, Timestamp)


def create_keys(folder: DataFolder) -> Root:
    """Make the owner's and the online keys, and the unsigned root that names them."""
    root = Root(consistent_snapshot=True)
    for name in sorted(set(_KEYS.values())):
        key = Ed25519PrivateKey.generate()
        write_key(folder.keys / f"{name}.key", key)
        for role in (role for role, key_name in _KEYS.items() if key_name == name):
            root.add_key(SSlibKey.from_crypto(key.public_key()), role)
    return root


class MetadataFiles:
    """Reads and writes the metadata of the top-level roles, and the models' roles as CI signed them.

    Args:
        folder: The data folder, with the keys in it.
    """

    def __init__(self, folder: DataFolder) -> None:
        self._path = folder.repository / "metadata"
        self._signers = {
            role: CryptoSigner(read_ed25519_key(folder.keys / f"{name}.key")) for role, name in _KEYS.items()
        }

    def publish(self, signed: Root | Targets | Snapshot | Timestamp, now: dt.datetime, *, version: int) -> None:
        """Sign and write the given version of a top-level role, valid for its life from now."""
        signed.version = version
        signed.expires = now.replace(microsecond=0) + LIVES[signed.type]
        metadata = Metadata[Any](signed)
        metadata.sign(self._signers[signed.type])
        write_file(self._file(signed.type, version), metadata.to_bytes(JSONSerializer(compact=True)))

    def write_role(self, name: str, version: int, data: bytes) -> None:
        """Write a model's role, byte for byte as CI signed it."""
        write_file(self._file(name, version), data)

    def read_role(self, name: str, version: int) -> bytes:
        """Return the bytes of a role's version."""
        return read_file(self._file(name, version))

    def read(self, signed_type: type[_SignedT], name: str, version: int) -> _SignedT:
        """Read a role's version.

        Raises:
            StartError: The file is missing or malformed.
        """
        data = self.read_role(name, version)
        try:
            signed = Metadata[_SignedT].from_bytes(data).signed
        except DeserializationError as error:
            raise StartError(f"{self._file(name, version)} is corrupt: {error}") from error
        if not isinstance(signed, signed_type):
            raise StartError(f"{self._file(name, version)} is not what its name says")
        return signed

    def latest_root_version(self) -> int:
        """Return the highest version of the root."""
        return max((int(path.name.split(".")[0]) for path in self._path.glob("*.root.json")), default=0)

    def served(self, name: str) -> Path | None:
        """Return the file that a client asks for by name, or ``None``."""
        path = self._path / name
        return path if _SERVED.fullmatch(name) and path.is_file() else None

    def _file(self, name: str, version: int) -> Path:
        # TUF 5.3.9 and 7.1: every role but the timestamp has its version before its name
        return self._path / (f"{name}.json" if name == "timestamp" else f"{version}.{name}.json")
