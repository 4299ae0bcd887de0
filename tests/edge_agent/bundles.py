"""Small real bundles: a linear model of two features, score = gain * left + right."""

import array

import msgspec

from device_contract.assignment import AssignedSlot, target_path
from device_contract.baseline import Baseline, StreamBaseline, encode_baseline
from device_contract.bundle import pack
from device_contract.canonical import sha256_hex
from device_contract.manifest import Artifact, Budget, Feature, FileReference, Lineage, Manifest, Output, SelfTest
from device_contract.plan.format import LinearOperation, write_plan
from device_contract.selftest import SelfTestVectors

FEATURES = (Feature(name="left"), Feature(name="right"))
DIGEST = "0" * 64


def doubles(*values: float) -> bytes:
    return array.array("d", values).tobytes()


def linear_plan(gain: float) -> bytes:
    return write_plan(2, 1, (LinearOperation(1, doubles(gain, 1.0), doubles(0.0, 0.0), doubles(0.0)),))


def baseline() -> Baseline:
    def stream(name: str, role: str) -> StreamBaseline:
        return StreamBaseline(
            name=name,
            role=role,
            kind="number",
            edges=(0.0, 1.0, 2.0),
            counts=(1, 2, 3, 4),
            rows=10,
            missing=0,
            mean=1.0,
            standard_deviation=1.0,
            minimum=-1.0,
            maximum=3.0,
            lag1_correlation=0.0,
        )

    return Baseline(streams=(stream("left", "feature"), stream("right", "feature"), stream("score", "output")))


def make_bundle(
    version: str, *, gain: float = 2.0, proved_gain: float | None = None, profile: str | None = None
) -> bytes:
    """Return a bundle of the model ``pump``; ``proved_gain`` is what its self-test expects."""
    right = gain if proved_gain is None else proved_gain
    inputs = array.array("f", (1.0, 2.0, -3.0, 0.5)).tobytes()
    vectors = SelfTestVectors(
        n_rows=2, n_features=2, n_outputs=1, inputs=inputs, outputs=doubles(right + 2, 0.5 - 3 * right)
    )
    files = {
        "baseline.msgpack": encode_baseline(baseline()),
        "model-card.md": f"# pump {version}\n".encode(),
        "model.plan": linear_plan(gain),
        "provenance.json": b"{}",
        "sbom.cdx.json": b"{}",
        "self-test.msgpack": msgspec.msgpack.encode(vectors),
    }
    named = {
        name: FileReference(path=name, sha256=sha256_hex(body), size_bytes=len(body)) for name, body in files.items()
    }
    manifest = Manifest(
        model="pump",
        version=version,
        task="regression",
        features=FEATURES,
        outputs=(Output(name="score"),),
        profile=profile,
        artifacts=(Artifact(kind="plan", file=named["model.plan"]),),
        baseline=named["baseline.msgpack"],
        self_test=SelfTest(file=named["self-test.msgpack"], rows=2, absolute_tolerance=1e-9, relative_tolerance=1e-9),
        model_card=named["model-card.md"],
        sbom=named["sbom.cdx.json"],
        provenance=named["provenance.json"],
        budget=Budget(artifact_bytes=named["model.plan"].size_bytes),
        lineage=Lineage(model_sha256=DIGEST, sample_sha256=DIGEST),
    )
    return pack(manifest, files)


def assigned(version: str, bundle: bytes, slot: str = "champion") -> AssignedSlot:
    return AssignedSlot(
        slot=slot,
        model="pump",
        version=version,
        target_path=target_path("pump", version, None),
        sha256=sha256_hex(bundle),
        length_bytes=len(bundle),
    )
