"""A small, complete bundle; its bytes are in tests/golden/."""

import struct
from pathlib import Path

import msgspec
import pytest

from device_contract.manifest import Artifact, Budget, Feature, Lineage, Manifest, Output, SelfTest
from device_contract.selftest import SelfTestVectors
from tests.support.bundles import make_references


@pytest.fixture(scope="session")
def golden() -> Path:
    """The folder of bytes that are never edited."""
    return Path(__file__).resolve().parent.parent / "golden"


@pytest.fixture(scope="session")
def example_vectors() -> SelfTestVectors:
    inputs = struct.pack("<4f", 1.5, float("nan"), -0.25, float("inf"))
    outputs = struct.pack("<4d", 0.75, 0.25, 1.0, 0.0)
    return SelfTestVectors(n_rows=2, n_features=2, n_outputs=2, inputs=inputs, outputs=outputs)


@pytest.fixture(scope="session")
def example_files(example_vectors: SelfTestVectors) -> dict[str, bytes]:
    return {
        "baseline.msgpack": b"baseline",
        "model-card.md": b"# pump 1.2\n",
        "model.onnx": b"onnx" * 200,
        "model.plan": b"plan" * 100,
        "provenance.json": b"{}",
        "sbom.cdx.json": b"",
        "self-test.msgpack": msgspec.msgpack.encode(example_vectors),
    }


@pytest.fixture(scope="session")
def example_manifest(example_files: dict[str, bytes]) -> Manifest:
    references = make_references(example_files)
    return Manifest(
        model="pump",
        version="1.2",
        task="classification",
        features=(
            Feature(name="pressure", unit="bar", minimum=0.0, maximum=16.0),
            Feature(name="valve", kind="category", categories=("öffnen", "closed")),
        ),
        outputs=(Output(name="probability.ok"), Output(name="probability.7")),
        labels=("ok", 7),
        profile="raspberry-pi-4",
        artifacts=(
            Artifact(kind="plan", file=references["model.plan"]),
            Artifact(kind="onnx", file=references["model.onnx"], onnx_input="row", onnx_output="probabilities"),
        ),
        baseline=references["baseline.msgpack"],
        self_test=SelfTest(
            file=references["self-test.msgpack"], rows=2, absolute_tolerance=1e-5, relative_tolerance=1e-5
        ),
        model_card=references["model-card.md"],
        sbom=references["sbom.cdx.json"],
        provenance=references["provenance.json"],
        budget=Budget(artifact_bytes=800),
        lineage=Lineage(
            model_sha256="a" * 64,
            sample_sha256="b" * 64,
            code_revision="c0ffee",
            packages={"numpy": "2.4.6", "scikit-learn": "1.9.1"},
            parameters={"model_type": "example"},
        ),
    )
