"""A small but sound bundle, published as CI publishes one."""

import datetime as dt

import httpx
import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import Metadata, TargetFile, Targets

from device_contract.assignment import target_path
from device_contract.baseline import Baseline, StreamBaseline, encode_baseline
from device_contract.bundle import pack
from device_contract.canonical import canonical_json, sha256_hex
from device_contract.envelope import sign
from device_contract.manifest import Artifact, Budget, Feature, FileReference, Lineage, Manifest, Output, SelfTest
from device_contract.selftest import SelfTestVectors
from tests.fleet_server.commands.running_server import RunningServer

_ZERO_STREAM = StreamBaseline(
    name="wind_speed",
    role="feature",
    kind="number",
    edges=(0.0,),
    counts=(0, 1),
    rows=1,
    missing=0,
    mean=0.0,
    standard_deviation=0.0,
    minimum=0.0,
    maximum=0.0,
    lag1_correlation=0.0,
)
_BASELINE = Baseline(streams=(_ZERO_STREAM, msgspec.structs.replace(_ZERO_STREAM, name="power", role="output")))
_SELF_TEST = SelfTestVectors(n_rows=1, n_features=1, n_outputs=1, inputs=bytes(4), outputs=bytes(8))


def make_bundle(model: str, version: str) -> bytes:
    """Pack a portable bundle; its artifact is never executed."""
    files = {
        "model.plan": f"{model} {version}".encode(),
        "baseline.msgpack": encode_baseline(_BASELINE),
        "self-test.msgpack": msgspec.msgpack.encode(_SELF_TEST),
        "model-card.md": b"# Power\n",
        "sbom.cdx.json": b"{}",
        "provenance.json": b"{}",
    }
    named = {
        name: FileReference(path=name, sha256=sha256_hex(data), size_bytes=len(data)) for name, data in files.items()
    }
    manifest = Manifest(
        model=model,
        version=version,
        task="regression",
        features=(Feature(name="wind_speed"),),
        outputs=(Output(name="power"),),
        artifacts=(Artifact(kind="plan", file=named["model.plan"]),),
        baseline=named["baseline.msgpack"],
        self_test=SelfTest(file=named["self-test.msgpack"], rows=1, absolute_tolerance=0.0, relative_tolerance=0.0),
        model_card=named["model-card.md"],
        sbom=named["sbom.cdx.json"],
        provenance=named["provenance.json"],
        budget=Budget(artifact_bytes=len(files["model.plan"])),
        lineage=Lineage(model_sha256="0" * 64, sample_sha256="0" * 64),
    )
    return pack(manifest, files)


def publish(server: RunningServer, key: Ed25519PrivateKey, model: str, version: str) -> None:
    """Sign a first release of a model and hand it to the server."""
    bundle = make_bundle(model, version)
    path = target_path(model, version, None)
    statement = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": path, "digest": {"sha256": sha256_hex(bundle)}}],
        "predicateType": "urn:leeway:release:v1",
        "predicate": {},
    }
    files = {
        "bundle": bundle,
        "signature": sign("application/vnd.in-toto+json", canonical_json(statement), [key]),
        "role": _first_role(path, bundle, key),
    }
    response = httpx.post(
        f"{server.url}/api/v1/models/{model}/versions",
        files=files,
        headers={"Authorization": f"Bearer {server.admin_token}"},
        verify=server.trust,
        trust_env=False,
    )
    assert response.status_code == 201, response.text


def _first_role(path: str, bundle: bytes, key: Ed25519PrivateKey) -> bytes:
    target = TargetFile.from_data(path, bundle, ["sha256"])
    target.unrecognized_fields["custom"] = {"release_counter": 1, "profile": None}
    expires = dt.datetime.now(dt.UTC).replace(microsecond=0) + dt.timedelta(days=30)
    metadata = Metadata(Targets(version=1, expires=expires, targets={path: target}))
    metadata.sign(CryptoSigner(key))
    return metadata.to_bytes()
