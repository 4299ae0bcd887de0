"""Tiny releases: a sound bundle, its signature and the role that lists it, as CI would make them."""

import datetime as dt
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import Metadata, TargetFile, Targets

from device_contract.assignment import target_path
from device_contract.baseline import Baseline
from device_contract.canonical import canonical_json, sha256_hex
from device_contract.envelope import sign
from tests.support.bundles import make_baseline, make_bundle

FEATURES, OUTPUTS = ("wind",), ("power",)
STATEMENT_TYPE = "application/vnd.in-toto+json"


@dataclass(frozen=True)
class Release:
    """What CI uploads."""

    path: str
    bundle: bytes
    signature: bytes
    role: bytes

    @property
    def sha256(self) -> str:
        return sha256_hex(self.bundle)

    def files(self, **changed: bytes) -> dict[str, bytes]:
        return {"bundle": self.bundle, "signature": self.signature, "role": self.role} | changed


@dataclass
class Ci:
    """CI of one model: a key, and the role as it was last signed."""

    model: str
    now: dt.datetime
    key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    role: Targets = field(default_factory=Targets)
    releases: int = 0

    @property
    def public_key(self) -> str:
        return self.key.public_key().public_bytes_raw().hex()

    def release(
        self, version: str, *, profile: str | None = None, counter: int | None = None, data: bytes | None = None
    ) -> Release:
        """Make a release, of this bundle or of any, and add it to the role."""
        data = data or bundle_bytes(self.model, version, profile)
        path = target_path(self.model, version, profile)
        target = TargetFile.from_data(path, data, ["sha256"])
        number = len(self.role.targets) + 1 if counter is None else counter
        target.unrecognized_fields["custom"] = {"release_counter": number, "profile": profile}
        self.role.targets[path] = target
        self.releases += 1
        self.role.version = self.releases
        return Release(path, data, statement(path, sha256_hex(data), self.key), self.signed_role())

    def signed_role(self) -> bytes:
        self.role.expires = self.now + dt.timedelta(days=180)
        metadata = Metadata(self.role)
        metadata.sign(CryptoSigner(self.key))
        return metadata.to_bytes()


def statement(path: str, sha256: str, key: Ed25519PrivateKey) -> bytes:
    subject = [{"name": path, "digest": {"sha256": sha256}}]
    payload = {"_type": "https://in-toto.io/Statement/v1", "subject": subject, "predicateType": "x", "predicate": {}}
    return sign(STATEMENT_TYPE, canonical_json(payload), [key])


def baseline() -> Baseline:
    return make_baseline(FEATURES, OUTPUTS)


def bundle_bytes(model: str, version: str, profile: str | None = None, *, content: bytes = b"plan") -> bytes:
    """Pack a bundle of one feature and one output; its artifact is no model."""
    plan = {"plan": content + version.encode()}
    return make_bundle(model, version, plan, features=FEATURES, outputs=OUTPUTS, profile=profile)
