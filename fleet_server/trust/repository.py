"""The TUF repository (specification 1.0, https://theupdateframework.github.io/specification/).

``root`` and ``targets`` are the owner's; one delegated role a model is CI's; ``snapshot``
and ``timestamp`` are the server's, signed again at half-life. In the ``dev`` profile the
owner's keys are on this machine too, each role with a threshold of one. A change writes
``timestamp.json`` last, so that a device sees the old state or the new one. Old versions
are kept: a device that was away walks from root to root.
"""

import datetime as dt
import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from securesystemslib.signer import SSlibKey
from tuf.api.metadata import DelegatedRole, Delegations, MetaFile, Root, Snapshot, TargetFile, Targets, Timestamp

from device_contract.canonical import canonical_json, sha256_hex
from device_contract.policy import DIRECTOR_KEYS_PATH, POLICY_PATH, DirectorKeys, Policy
from fleet_server.clock import Clock
from fleet_server.errors import ConflictError
from fleet_server.settings import DataFolder
from fleet_server.trust.files import write_file
from fleet_server.trust.metadata_files import LIVES, MetadataFiles, create_keys
from fleet_server.trust.roles import Release, check_release, check_role, role_name

_FLEET_TARGET: Final = re.compile(r"fleet/[0-9a-f]{64}\.[a-z-]+\.json")


def create_repository(folder: DataFolder, clock: Clock, director_keys: DirectorKeys) -> None:
    """Make the keys, the fleet's two small targets, and version 1 of each role."""
    root = create_keys(folder)
    targets = Targets(delegations=Delegations({}, {}))
    for path, content in ((DIRECTOR_KEYS_PATH, director_keys), (POLICY_PATH, Policy(release_floors={}, revoked=()))):
        data = canonical_json(content)
        targets.targets[path] = TargetFile.from_data(path, data, ["sha256"])
        write_file(folder.repository / "targets" / _with_hash(path, sha256_hex(data)), data)
    files, now = MetadataFiles(folder), _moment(clock)
    for signed in (root, targets, Snapshot(), Timestamp()):
        files.publish(signed, now, version=1)


class Repository:
    """The repository of a running server.

    Args:
        folder: The data folder.
        clock: Gives the time of signing.

    Raises:
        StartError: Metadata or keys are missing or malformed.
    """

    def __init__(self, folder: DataFolder, clock: Clock) -> None:
        self._files = MetadataFiles(folder)
        self._targets_path = folder.repository / "targets"
        self._clock = clock
        self._lock = threading.Lock()
        self._load()

    def _load(self) -> None:
        self._root = self._files.read(Root, "root", self._files.latest_root_version())
        self._timestamp = self._files.read(Timestamp, "timestamp", 0)
        self._snapshot = self._files.read(Snapshot, "snapshot", self._timestamp.snapshot_meta.version)
        self._targets = self._files.read(Targets, "targets", self._snapshot.meta["targets.json"].version)

    def add_model(self, model: str, keys: Sequence[Ed25519PublicKey], threshold: int) -> None:
        """Delegate a model's paths to its keys; the same again changes nothing.

        Raises:
            ConflictError: The model is delegated to other keys.
        """
        name = role_name(model)
        tuf_keys = [SSlibKey.from_crypto(key) for key in keys]
        role = DelegatedRole(name, [key.keyid for key in tuf_keys], threshold, True, [f"{model}/*/*"])
        with self._change():
            delegations = self._targets.delegations or Delegations({}, {})
            roles = delegations.roles or {}
            if name in roles:
                if roles[name] != role:
                    raise ConflictError(f"model {model!r} is already delegated to other keys")
                return
            roles[name] = role
            delegations.keys.update({key.keyid: key for key in tuf_keys})
            delegations.roles = roles
            self._targets.delegations = delegations
            self._publish_targets()
            self._publish_snapshot()

    def role(self, model: str) -> bytes | None:
        """Return a model's role as CI signed it; ``None`` before the first release."""
        name = role_name(model)
        with self._lock:
            meta = self._snapshot.meta.get(f"{name}.json")
            return self._files.read_role(name, meta.version) if meta else None

    def check(self, data: bytes, release: Release) -> int:
        """Check new metadata of a model's role, as ``publish`` will, and change nothing.

        Returns:
            The release counter of the bundle.

        Raises:
            InvalidRequestError: The metadata may not be published.
        """
        with self._lock:
            return self._check(data, release)[1]

    def publish(self, data: bytes, release: Release) -> None:
        """Publish new metadata of a model's role; a release that is listed already changes nothing.

        Args:
            data: The role of the release's model, signed by CI.
            release: The bundle that it must list.

        Raises:
            InvalidRequestError: The metadata may not be published.
        """
        name = role_name(release.model)
        with self._change():
            current = self._current(name)
            if current is not None and release.target_path in current.targets:
                check_release(current, release)
                return
            version, _counter = self._check(data, release)
            self._files.write_role(name, version, data)
            self._snapshot.meta[f"{name}.json"] = MetaFile(version)
            self._publish_snapshot()

    def _check(self, data: bytes, release: Release) -> tuple[int, int]:
        current = self._current(role_name(release.model))
        return check_role(data, self._targets, current, release, _moment(self._clock))

    def _current(self, name: str) -> Targets | None:
        meta = self._snapshot.meta.get(f"{name}.json")
        return self._files.read(Targets, name, meta.version) if meta else None

    def renew(self) -> None:
        """Sign again each role that is past half of its life."""
        with self._change():
            if self._is_half_spent(self._root):
                self._files.publish(self._root, _moment(self._clock), version=self._root.version + 1)
            if self._is_half_spent(self._targets):
                self._publish_targets()
                self._publish_snapshot()
            elif self._is_half_spent(self._snapshot) or self._is_half_spent(self._timestamp):
                self._publish_snapshot()

    def expiries_s(self) -> dict[str, float]:
        """Return the seconds that each top-level role has left."""
        now = _moment(self._clock)
        with self._lock:
            roles = (self._root, self._targets, self._snapshot, self._timestamp)
            return {role.type: (role.expires - now).total_seconds() for role in roles}

    def root_text(self) -> str:
        """Return the newest root, which a device pins when it enrols."""
        with self._lock:
            return self._files.read_role("root", self._root.version).decode()

    def metadata_file(self, name: str) -> Path | None:
        """Return the metadata file of that name, or ``None``."""
        return self._files.served(name)

    def fleet_target_file(self, path: str) -> Path | None:
        """Return one of the fleet's small targets by its hash-prefixed path, or ``None``."""
        file = self._targets_path / path
        return file if _FLEET_TARGET.fullmatch(path) and file.is_file() else None

    @contextmanager
    def _change(self) -> Iterator[None]:
        """Hold the lock; if the change fails, forget what memory holds and read the disk."""
        with self._lock:
            try:
                yield
            except BaseException:
                self._load()
                raise

    def _publish_targets(self) -> None:
        self._files.publish(self._targets, _moment(self._clock), version=self._targets.version + 1)
        self._snapshot.meta["targets.json"] = MetaFile(self._targets.version)

    def _publish_snapshot(self) -> None:
        now = _moment(self._clock)
        self._files.publish(self._snapshot, now, version=self._snapshot.version + 1)
        self._timestamp.snapshot_meta = MetaFile(self._snapshot.version)
        self._files.publish(self._timestamp, now, version=self._timestamp.version + 1)

    def _is_half_spent(self, role: Root | Targets | Snapshot | Timestamp) -> bool:
        return role.expires - _moment(self._clock) < LIVES[role.type] / 2


def _with_hash(path: str, sha256: str) -> str:
    """Return a target's path as clients ask for it (TUF 5.7.3: the hash before the file's name)."""
    folder, _, name = path.rpartition("/")
    return f"{folder}/{sha256}.{name}"


def _moment(clock: Clock) -> dt.datetime:
    return dt.datetime.fromtimestamp(clock() // 1000, dt.UTC)
