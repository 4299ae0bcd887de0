"""Small sound bundles: a test gives the models, the rest is filled in."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from device_contract.baseline import Baseline, StreamBaseline, encode_baseline
from device_contract.bundle import pack
from device_contract.canonical import sha256_hex
from device_contract.manifest import (
    Artifact,
    Budget,
    Feature,
    FileReference,
    Label,
    Lineage,
    Manifest,
    Output,
    SelfTest,
)
from device_contract.selftest import SelfTestVectors

MODEL_FILES = {"plan": "model.plan", "onnx": "model.onnx"}
TOLERANCE = 1e-9


def make_stream(name: str, role: str = "feature", **known: Any) -> StreamBaseline:
    """Make the baseline of a stream that was between 0 and 1."""
    assumed = {
        "kind": "number",
        "edges": (0.0, 1.0),
        "counts": (0, 10, 0),
        "rows": 10,
        "missing": 0,
        "mean": 0.5,
        "standard_deviation": 0.25,
        "minimum": 0.0,
        "maximum": 1.0,
        "lag1_correlation": 0.0,
    }
    return StreamBaseline(name=name, role=role, **(assumed | known))


def make_baseline(features: Sequence[str], outputs: Sequence[str]) -> Baseline:
    return Baseline(
        streams=(*(make_stream(name) for name in features), *(make_stream(name, "output") for name in outputs))
    )


def make_files(
    models: Mapping[str, bytes], baseline: Baseline, vectors: SelfTestVectors | None = None
) -> dict[str, bytes]:
    """Make the files of a bundle around its models, which are given by kind; without vectors, nothing is proved."""
    if vectors is None:
        vectors = _zeros(baseline)
    return {MODEL_FILES[kind]: data for kind, data in models.items()} | {
        "baseline.msgpack": encode_baseline(baseline),
        "model-card.md": b"# card\n",
        "provenance.json": b"{}",
        "sbom.cdx.json": b"{}",
        "self-test.msgpack": msgspec.msgpack.encode(vectors),
    }


def make_manifest(
    model: str,
    version: str,
    files: Mapping[str, bytes],
    *,
    features: Sequence[Feature],
    outputs: Sequence[Output],
    **known: Any,
) -> Manifest:
    """Describe the files. ONNX takes ``row`` and gives ``scores``."""
    named = make_references(files)
    artifacts = tuple(
        Artifact(kind=kind, file=named[path], onnx_input="row", onnx_output="scores")  # type: ignore[arg-type]
        for kind, path in MODEL_FILES.items()
        if path in files
    )
    lineage = Lineage(model_sha256="0" * 64, sample_sha256="1" * 64)
    assumed: dict[str, Any] = {"task": "regression", "labels": (), "profile": None, "lineage": lineage}
    self_test = SelfTest(
        file=named["self-test.msgpack"], rows=2, absolute_tolerance=TOLERANCE, relative_tolerance=TOLERANCE
    )
    return Manifest(
        model=model,
        version=version,
        features=tuple(features),
        outputs=tuple(outputs),
        artifacts=artifacts,
        baseline=named["baseline.msgpack"],
        self_test=self_test,
        model_card=named["model-card.md"],
        sbom=named["sbom.cdx.json"],
        provenance=named["provenance.json"],
        budget=Budget(artifact_bytes=sum(artifact.file.size_bytes for artifact in artifacts)),
        **(assumed | known),
    )


def make_bundle(  # noqa: PLR0913  (each is a part of the manifest)
    model: str,
    version: str,
    models: Mapping[str, bytes],
    *,
    features: Sequence[str],
    outputs: Sequence[str],
    vectors: SelfTestVectors | None = None,
    labels: Sequence[Label] = (),
    profile: str | None = None,
    **known: Any,
) -> bytes:
    """Pack a bundle; a classifier if there are labels."""
    files = make_files(models, make_baseline(features, outputs), vectors)
    manifest = make_manifest(
        model,
        version,
        files,
        features=[Feature(name=name) for name in features],
        outputs=[Output(name=name) for name in outputs],
        task="classification" if labels else "regression",
        labels=tuple(labels),
        profile=profile,
        **known,
    )
    return pack(manifest, files)


def make_references(files: Mapping[str, bytes]) -> dict[str, FileReference]:
    return {
        name: FileReference(path=name, sha256=sha256_hex(body), size_bytes=len(body)) for name, body in files.items()
    }


def _zeros(baseline: Baseline) -> SelfTestVectors:
    n_features = sum(stream.role == "feature" for stream in baseline.streams)
    n_outputs = len(baseline.streams) - n_features
    return SelfTestVectors(
        n_rows=1, n_features=n_features, n_outputs=n_outputs, inputs=bytes(4 * n_features), outputs=bytes(8 * n_outputs)
    )
