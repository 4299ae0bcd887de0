"""Bundles with a given model, the rest of them filled in."""

from pathlib import Path

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

NAMES = {"plan": "model.plan", "onnx": "model.onnx"}


def write_bundle(
    path: Path, models: dict[str, bytes], n_features: int, n_outputs: int, labels: tuple[Label, ...] = ()
) -> Path:
    """Pack models by kind; a classifier if there are labels. ONNX takes ``row`` and gives ``scores``."""
    files = {NAMES[kind]: data for kind, data in models.items()}
    files |= {name: name.encode() for name in ("baseline", "self-test", "card", "sbom", "provenance")}
    references = {name: FileReference(path=name, sha256=sha256_hex(b), size_bytes=len(b)) for name, b in files.items()}
    manifest = Manifest(
        model="pump",
        version="1",
        task="classification" if labels else "regression",
        features=tuple(Feature(name=f"x{index}") for index in range(n_features)),
        outputs=tuple(Output(name=f"y{index}") for index in range(n_outputs)),
        labels=labels,
        artifacts=tuple(
            Artifact(kind=kind, file=references[NAMES[kind]], onnx_input="row", onnx_output="scores")  # type: ignore[arg-type]
            for kind in models
        ),
        baseline=references["baseline"],
        self_test=SelfTest(file=references["self-test"], rows=1, absolute_tolerance=1e-6, relative_tolerance=1e-6),
        model_card=references["card"],
        sbom=references["sbom"],
        provenance=references["provenance"],
        budget=Budget(artifact_bytes=1),
        lineage=Lineage(model_sha256="a" * 64, sample_sha256="b" * 64),
    )
    path.write_bytes(pack(manifest, files))
    return path
