"""Tiny releases: a sound bundle, its signature and the role that lists it, as CI would make them."""

import datetime as dt
from dataclasses import dataclass, field

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import Metadata, TargetFile, Targets

from device_contract.assignment import target_path
from device_contract.baseline import Baseline, StreamBaseline, encode_baseline
from device_contract.bundle import pack
from device_contract.canonical import canonical_json, sha256_hex
from device_contract.envelope import sign
from device_contract.manifest import (
    Artifact,
    Budget,
    Feature,
    FileReference,
    Lineage,
    Manifest,
    Output,
    SelfTest,
)
from device_contract.selftest import SelfTestVectors

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

    def release(self, version: str, *, profile: str | None = None, counter: int | None = None) -> Release:
        """Make a release and add it to the role."""
        data = bundle_bytes(self.model, version, profile)
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
    def stream(name: str, role: str) -> StreamBaseline:
        return StreamBaseline(
            name=name,
            role=role,
            kind="number",
            edges=(0.0, 1.0),
            counts=(0, 10, 0),
            rows=10,
            missing=0,
            mean=0.5,
            standard_deviation=0.1,
            minimum=0.0,
            maximum=0.9,
            lag1_correlation=0.0,
        )

    return Baseline(streams=(stream("wind", "feature"), stream("power", "output")))


def bundle_bytes(model: str, version: str, profile: str | None = None, *, content: bytes = b"plan") -> bytes:
    """Pack a bundle of one feature and one output; its artifact is no model."""
    vectors = SelfTestVectors(n_rows=1, n_features=1, n_outputs=1, inputs=bytes(4), outputs=bytes(8))
    files = {
        "model.plan": content + version.encode(),
        "baseline.msgpack": encode_baseline(baseline()),
        "selftest.msgpack": msgspec.msgpack.encode(vectors),
        "card.md": b"# card",
        "sbom.json": b"{}",
        "provenance.json": b"{}",
    }
    references = {
        name: FileReference(path=name, sha256=sha256_hex(body), size_bytes=len(body)) for name, body in files.items()
    }
    manifest = Manifest(
        model=model,
        version=version,
        task="regression",
        features=(Feature(name="wind"),),
        outputs=(Output(name="power"),),
        profile=profile,
        artifacts=(Artifact(kind="plan", file=references["model.plan"]),),
        baseline=references["baseline.msgpack"],
        self_test=SelfTest(file=references["selftest.msgpack"], rows=1, absolute_tolerance=0.0, relative_tolerance=0.0),
        model_card=references["card.md"],
        sbom=references["sbom.json"],
        provenance=references["provenance.json"],
        budget=Budget(artifact_bytes=len(files["model.plan"])),
        lineage=Lineage(model_sha256="0" * 64, sample_sha256="1" * 64),
    )
    return pack(manifest, files)
