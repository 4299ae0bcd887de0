"""A TUF repository in memory, as a fleet server keeps one."""

from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import (
    DelegatedRole,
    Delegations,
    Metadata,
    MetaFile,
    Root,
    Snapshot,
    TargetFile,
    Targets,
    Timestamp,
)

from device_contract.canonical import canonical_json, sha256_hex
from device_contract.policy import DIRECTOR_KEYS_PATH, POLICY_PATH, DirectorKeys, Policy


class Repository:
    """A TUF repository in memory, signed anew at each change."""

    def __init__(self) -> None:
        self.root_signer, self.online_signer, self.ci_signer = (CryptoSigner.generate_ed25519() for _ in range(3))
        self.director = Ed25519PrivateKey.generate()
        self.policy = Policy(release_floors={}, revoked=())
        self.lifetime = timedelta(days=7)
        self.files: dict[str, bytes] = {}
        self._releases: dict[str, TargetFile] = {}
        self._version = 0
        root = Root(expires=self._expiry(365), consistent_snapshot=True)
        for role in ("root", "targets"):
            root.add_key(self.root_signer.public_key, role)
        for role in ("snapshot", "timestamp"):
            root.add_key(self.online_signer.public_key, role)
        metadata = Metadata(root)
        metadata.sign(self.root_signer)
        self.root = metadata.to_bytes()
        self.publish()

    def add(self, path: str, data: bytes, release_counter: int = 1) -> None:
        """Release a bundle."""
        target = TargetFile.from_data(path, data, ["sha256"])
        target.unrecognized_fields["custom"] = {"release_counter": release_counter, "profile": None}
        self._releases[path] = target
        self._store(path, data)
        self.publish()

    def publish(self, expires: datetime | None = None) -> None:
        """Sign everything again; ``expires`` is of the timestamp."""
        self._version += 1
        keys = DirectorKeys(keys=(self.director.public_key().public_bytes_raw().hex(),))
        top, ci_key = Targets(version=self._version, expires=self._expiry(365)), self.ci_signer.public_key
        for path, value in ((DIRECTOR_KEYS_PATH, keys), (POLICY_PATH, self.policy)):
            data = canonical_json(value)
            self._store(path, data)
            top.targets[path] = TargetFile.from_data(path, data, ["sha256"])
        role = DelegatedRole("m-pump", [ci_key.keyid], 1, terminating=True, paths=["pump/*/*"])
        top.delegations = Delegations({ci_key.keyid: ci_key}, {"m-pump": role})
        releases = Targets(version=self._version, expires=self._expiry(180), targets=dict(self._releases))
        meta = {name: MetaFile(self._version) for name in ("targets.json", "m-pump.json")}
        snapshot = Snapshot(version=self._version, expires=self._expiry(7), meta=meta)
        timestamp = Timestamp(
            version=self._version, expires=expires or self._expiry(7), snapshot_meta=MetaFile(self._version)
        )
        self._sign("targets", top, self.root_signer)
        self._sign("m-pump", releases, self.ci_signer)
        self._sign("snapshot", snapshot, self.online_signer)
        self._sign("timestamp", timestamp, self.online_signer)

    def _sign(self, name: str, signed: Any, signer: CryptoSigner) -> None:
        metadata = Metadata(signed)
        metadata.sign(signer)
        file_name = f"{name}.json" if name == "timestamp" else f"{signed.version}.{name}.json"
        self.files[f"metadata/{file_name}"] = metadata.to_bytes()

    def _store(self, path: str, data: bytes) -> None:
        folder, _, name = path.rpartition("/")
        self.files[f"targets/{folder}/{sha256_hex(data)}.{name}"] = data

    @staticmethod
    def _expiry(days: int) -> datetime:
        return datetime.now(UTC).replace(microsecond=0) + timedelta(days=days)
