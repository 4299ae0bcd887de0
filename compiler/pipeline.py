"""From a trained model to a bundle: the one place that knows the order of the steps.

read -> emit -> prove -> hold against the budget -> summarise -> pack. A step that fails
raises its own error, and nothing is written.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from compiler import budget, packaging, parity
from compiler.backends.artifact import EmittedArtifact
from compiler.baseline import build_baseline
from compiler.contents import Contents
from compiler.errors import BudgetError, CompilerError, ModelError, SampleError, UnsupportedModelError
from compiler.files import write_whole
from compiler.frontends.model_file import read_model
from compiler.frontends.source import Signature, SourceModel
from compiler.sample import Sample, arrange, read_sample
from compiler.schema import Schema, read_schema
from compiler.tables import Column, matrix_columns
from compiler.truth import score_sample
from device_contract.bundle import MAX_BUNDLE_BYTES
from device_contract.canonical import sha256_hex
from device_contract.manifest import ArtifactKind, Label, Lineage, Manifest, Output
from device_contract.names import is_name
from device_contract.profile import FirmwareProfile, find_profile

logger = logging.getLogger(__name__)

Kind = Literal["onnx", "plan", "both"]


@dataclass(frozen=True)
class CompiledBundle:
    """A bundle, proved and packed.

    Attributes:
        manifest: Its manifest.
        data: The archive's bytes.
        sha256: Their digest.
        parity: How well each artifact agrees with the original model.
        footprints: What each artifact needs; empty without a profile.
        notes: What the user should know, a sentence each.
    """

    manifest: Manifest
    data: bytes
    sha256: str
    parity: tuple[parity.ParityResult, ...]
    footprints: tuple[budget.Footprint, ...]
    notes: tuple[str, ...]

    @property
    def file_name(self) -> str:
        """The bundle's usual file name: ``{model}-{version}-{profile or portable}.bundle``."""
        return f"{self.manifest.model}-{self.manifest.version}-{self.manifest.profile or 'portable'}.bundle"

    def write(self, folder: Path) -> Path:
        """Write the bundle into a folder, whole or not at all; returns its path.

        Raises:
            CompilerError: It cannot be written.
        """
        path = folder / self.file_name
        write_whole(path, self.data)
        return path


def compile_model(  # noqa: PLR0913  (the command's options, each by its name)
    model: Any,  # noqa: ANN401  (a path or a fitted estimator of any type)
    sample: Path | str | NDArray[Any],
    *,
    name: str,
    version: str,
    schema: Path | str | None = None,
    profile: str | None = None,
    kind: Kind | None = None,
    trust_pickle: bool = False,
    environment: Mapping[str, str] | None = None,
) -> CompiledBundle:
    """Compile a trained model to a bundle.

    Args:
        model: Path of the model (``.onnx``, ``.skops``, or a pickle), or a fitted scikit-learn estimator.
        sample: Path of rows like those of the training (CSV, Parquet, ``.npz``), or an array (n_rows, n_features).
        name: The model's name.
        version: Its version.
        schema: Path of a schema file that describes the features and outputs.
        profile: Name of the firmware profile (or path of its file) that the bundle is for; portable without.
        kind: Artifacts to emit; without it, all that the profile allows and the model has.
        trust_pickle: Load a pickle, which runs any code that it holds.
        environment: Environment variables, in which CI names the commit.

    Returns:
        The bundle; the same inputs give the same bytes.

    Raises:
        CompilerError: The model, the sample, parity, or the budget is not right.
        ProfileError: There is no such profile.
    """
    _check_names(name, version)
    target = find_profile(profile) if profile is not None else None
    described = read_schema(Path(schema)) if schema is not None else Schema()
    source = _read_source(model, trust_pickle=trust_pickle)
    columns, sample_sha256 = _read_columns(sample)
    arranged = arrange(columns, sample_sha256, source.signature, described)
    truth, refusal = score_sample(source, arranged.rows)
    outputs = _outputs(truth.shape[1], source.signature.labels, described)
    artifacts, reasons = _emit(source, kind, target)
    proved, tolerance = _prove(artifacts, source.signature, arranged, truth)
    footprints = tuple(budget.hold(artifact, target, arranged.rows) for artifact in artifacts) if target else ()
    baseline = build_baseline(arranged.features, outputs, arranged.rows, truth)
    if target is not None:
        budget.hold_telemetry(baseline, arranged.rows, truth, target)
    contents = Contents(
        model=name,
        version=version,
        profile=target.name if target else None,
        signature=source.signature,
        outputs=outputs,
        sample=arranged,
        truth=truth,
        tolerance=tolerance,
        artifacts=artifacts,
        baseline=baseline,
        lineage=_lineage(source, arranged, artifacts, environment or {}),
    )
    manifest, data = packaging.pack(contents)
    notes = tuple(note for note in (_ignored(arranged), refusal, *reasons) if note)
    return CompiledBundle(manifest, data, sha256_hex(data), proved, footprints, notes)


def _check_names(name: str, version: str) -> None:
    for what, text in (("name", name), ("version", version)):
        if not is_name(text):
            raise CompilerError(f"{what} {text!r}: use at most 64 of a-z, 0-9, '.', '_', '-', first a letter or digit")


def _read_source(model: Any, *, trust_pickle: bool) -> SourceModel:  # noqa: ANN401
    if isinstance(model, str | Path):
        return read_model(Path(model), trust_pickle=trust_pickle)
    from compiler.frontends.sklearn import SklearnModel  # noqa: PLC0415  (not needed for ONNX files)

    return SklearnModel(model)


def _read_columns(sample: Path | str | NDArray[Any]) -> tuple[tuple[Column, ...], str]:
    if isinstance(sample, str | Path):
        return read_sample(Path(sample))
    if sample.ndim != 2 or sample.dtype.kind not in "biuf":  # noqa: PLR2004  (rows and columns)
        raise SampleError(f"the sample has shape {sample.shape} of {sample.dtype}; expected numbers, (rows, features)")
    return matrix_columns(sample), sha256_hex(np.ascontiguousarray(sample, dtype=np.float32).tobytes())


def _outputs(n_outputs: int, labels: tuple[Label, ...], schema: Schema) -> tuple[Output, ...]:
    """Name the outputs: by the schema, after the labels, or ``prediction``, numbered when there are several."""
    if schema.output and len(schema.output) != n_outputs:
        raise SampleError(f"the schema describes {len(schema.output)} outputs, the model has {n_outputs}")
    if schema.output:
        return tuple(Output(name=output.name, unit=output.unit) for output in schema.output)
    if labels:
        return tuple(Output(name=f"probability.{label}") for label in labels)
    names = ["prediction"] if n_outputs == 1 else [f"prediction.{index}" for index in range(n_outputs)]
    return tuple(Output(name=name) for name in names)


def _ignored(sample: Sample) -> str:
    return f"columns that are no features of the model: {', '.join(sample.ignored)}" if sample.ignored else ""


def _kinds(kind: Kind | None, profile: FirmwareProfile | None) -> tuple[ArtifactKind, ...]:
    allowed: tuple[ArtifactKind, ...] = profile.artifact_kinds if profile else ("plan", "onnx")
    wanted: tuple[ArtifactKind, ...] = allowed if kind is None else ("plan", "onnx") if kind == "both" else (kind,)
    refused = [each for each in wanted if each not in allowed]
    if profile and refused:
        raise BudgetError(f"profile {profile.name!r} takes {' and '.join(allowed)}, not {refused[0]}")
    return wanted


def _emit(
    source: SourceModel, kind: Kind | None, profile: FirmwareProfile | None
) -> tuple[tuple[EmittedArtifact, ...], tuple[str, ...]]:
    """Emit the artifacts; without an explicit kind, one that the model does not have is told and left out."""
    artifacts, reasons = [], []
    for wanted in _kinds(kind, profile):
        try:
            artifacts.append(_emit_one(source, wanted))
        except UnsupportedModelError as error:
            if kind is not None:
                raise UnsupportedModelError(f"no {wanted} for this model: {error}") from error
            reasons.append(f"no {wanted} for this model: {error}")
    if not artifacts:
        raise UnsupportedModelError("; ".join(reasons))
    total_bytes = sum(len(artifact.data) for artifact in artifacts)
    if total_bytes > MAX_BUNDLE_BYTES:
        raise ModelError(f"the artifacts have {total_bytes} bytes, a bundle holds at most {MAX_BUNDLE_BYTES}")
    return tuple(artifacts), tuple(reasons)


def _emit_one(source: SourceModel, kind: ArtifactKind) -> EmittedArtifact:
    if kind == "onnx":
        converted = source.to_onnx()
        return EmittedArtifact("onnx", converted.data, converted.input, converted.output)
    from compiler.backends.plan import emit  # noqa: PLC0415  (only when a plan is wanted)

    return EmittedArtifact("plan", emit(source.to_graph()))


def _prove(
    artifacts: tuple[EmittedArtifact, ...], signature: Signature, sample: Sample, truth: NDArray[np.float64]
) -> tuple[tuple[parity.ParityResult, ...], parity.Tolerance]:
    tolerance = parity.tolerance_for(signature, truth)
    scored = np.flatnonzero(np.isfinite(truth).all(axis=1))
    chosen = scored[parity.evenly(len(scored), parity.MAX_ROWS)]
    rows, expected = sample.rows[chosen], truth[chosen]
    results = (parity.prove(artifact, signature, rows, expected, tolerance, numbers=chosen) for artifact in artifacts)
    return tuple(results), tolerance


def _lineage(
    source: SourceModel, sample: Sample, artifacts: tuple[EmittedArtifact, ...], environment: Mapping[str, str]
) -> Lineage:
    names = {*source.packages, *(("onnxruntime",) if any(a.kind == "onnx" for a in artifacts) else ())}
    return Lineage(
        model_sha256=source.sha256,
        sample_sha256=sample.sha256,
        code_revision=packaging.code_revision(environment),
        packages=packaging.package_versions(tuple(sorted(names))),
        parameters=dict(source.parameters),
    )
