"""From a trained model to a bundle: the one place that knows the order of the steps.

read -> score -> emit -> prove -> hold against the budget -> pack. A step that fails raises its
own error, and nothing is written. ``compiler.preparation`` does the steps that do not depend on
the firmware profile, ``compiler.proof`` emits and proves.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from compiler import budget, packaging, parity
from compiler.backends.artifact import EmittedArtifact
from compiler.checks import Checklist, Figure
from compiler.contents import Contents
from compiler.errors import CompilerError
from compiler.files import write_whole
from compiler.preparation import PreparedModel, prepare
from compiler.proof import Kind, prove_artifacts
from compiler.quantization import Quantization
from device_contract.canonical import sha256_hex
from device_contract.manifest import Lineage, Manifest
from device_contract.names import is_name
from device_contract.profile import FirmwareProfile, find_profile


@dataclass(frozen=True)
class BundleOrder:
    """What a bundle shall be, whatever profile it is for.

    Attributes:
        name: The model's name.
        version: Its version.
        kind: Artifacts to emit; without it, all that the profile allows and the model has.
        code_revision: The commit that CI builds; empty if unknown.
        parameters: What goes into the lineage beside the model's own parameters.
    """

    name: str
    version: str
    kind: Kind | None = None
    code_revision: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)

    def check(self) -> None:
        """Refuse names that are none.

        Raises:
            CompilerError: The name or the version is.
        """
        for what, text in (("name", self.name), ("version", self.version)):
            if not is_name(text):
                raise CompilerError(
                    f"{what} {text!r}: use at most 64 of a-z, 0-9, '.', '_', '-', first a letter or digit"
                )

    def file_name(self, profile: str | None) -> str:
        """Return the usual file name of the bundle: ``{model}-{version}-{profile or portable}.bundle``."""
        return f"{self.name}-{self.version}-{profile or 'portable'}.bundle"


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
        return BundleOrder(self.manifest.model, self.manifest.version).file_name(self.manifest.profile)

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
    explain: bool = False,
    labels: str | None = None,
    quantization: Quantization | None = None,
    environment: Mapping[str, str] | None = None,
) -> CompiledBundle:
    """Compile a trained model to a bundle.

    Args:
        model: Path of the model (``compiler.frontends.model_file.read_model`` lists the kinds), or a fitted one.
        sample: Path of rows like those of the training (CSV, Parquet, ``.npz``), or an array (n_rows, n_features).
        name: The model's name.
        version: Its version.
        schema: Path of a schema file that describes the features and outputs.
        profile: Name of the firmware profile (or path of its file) that the bundle is for; portable without.
        kind: Artifacts to emit; without it, all that the profile allows and the model has.
        trust_pickle: Load a pickle, which runs any code that it holds.
        explain: The plan holds what explains its scores (``PlanScorer.explain_into``).
        labels: The sample's column that holds what each row turned out to be: the baseline then tells
            how often a classifier was right at which score.
        quantization: What shall be made smaller, if anything, which needs labels; the bundle then holds a plan only.
        environment: Environment variables, in which CI names the commit and a retraining request.

    Returns:
        The bundle; the same inputs give the same bytes.

    Raises:
        CompilerError: The model, the sample, parity, or the budget is not right.
        ProfileError: There is no such profile.
    """
    known = environment or {}
    order = BundleOrder(name, version, kind, packaging.code_revision(known), packaging.answered_request(known))
    order.check()
    target = find_profile(profile) if profile is not None else None
    checklist = Checklist()
    prepared = prepare(
        model,
        sample,
        schema=schema,
        trust_pickle=trust_pickle,
        checklist=checklist,
        explain=explain,
        labels=labels,
        quantization=quantization,
    )
    return compile_prepared(prepared, order, target, checklist)


def compile_prepared(
    prepared: PreparedModel, order: BundleOrder, target: FirmwareProfile | None, checklist: Checklist
) -> CompiledBundle:
    """Compile a prepared model to a bundle for one profile, or to a portable one.

    Raises:
        CompilerError: Parity or the budget is not right.
    """
    proved = prove_artifacts(prepared, order.kind, target, checklist)
    artifacts = proved.artifacts
    footprints = tuple(_hold(artifact, target, prepared, checklist) for artifact in artifacts) if target else ()
    if target is not None:
        _hold_telemetry(prepared, target, checklist)
    contents = Contents(
        model=order.name,
        version=order.version,
        profile=target.name if target else None,
        signature=prepared.source.signature,
        outputs=prepared.outputs,
        sample=prepared.sample,
        truth=prepared.truth,
        tolerance=prepared.tolerance,
        artifacts=artifacts,
        baseline=prepared.baseline,
        lineage=_lineage(prepared, artifacts, order),
    )
    with checklist.step("bundle") as step:
        manifest, data = packaging.pack(contents)
        step.figures["bytes"] = len(data)
    notes = (*prepared.notes, *proved.notes)
    return CompiledBundle(manifest, data, sha256_hex(data), proved.parity, footprints, notes)


def _hold(
    artifact: EmittedArtifact, target: FirmwareProfile, prepared: PreparedModel, checklist: Checklist
) -> budget.Footprint:
    with checklist.step(f"{artifact.kind}.budget") as step:
        footprint = budget.measure(artifact, target, prepared.sample.rows)
        step.figures |= _figures(footprint, target)
        budget.check(footprint, target)
    return footprint


def _figures(footprint: budget.Footprint, profile: FirmwareProfile) -> dict[str, Figure]:
    return {
        "artifact_bytes": footprint.artifact_bytes,
        "max_artifact_bytes": profile.max_artifact_bytes,
        "rss_bytes": footprint.rss_bytes,
        "max_rss_bytes": profile.max_rss_bytes,
        "p99_one_row_us": footprint.p99_one_row_us,
        "max_p99_one_row_us": profile.max_p99_one_row_us,
    }


def _hold_telemetry(prepared: PreparedModel, target: FirmwareProfile, checklist: Checklist) -> None:
    with checklist.step("telemetry") as step:
        step.figures["max_bytes_per_day"] = target.max_telemetry_bytes_per_day
        rows, truth = prepared.sample.rows, prepared.truth
        step.figures["bytes_per_day"] = budget.hold_telemetry(prepared.baseline, rows, truth, target)


def _lineage(prepared: PreparedModel, artifacts: tuple[EmittedArtifact, ...], order: BundleOrder) -> Lineage:
    source = prepared.source
    names = {*source.packages, *(("onnxruntime",) if any(a.kind == "onnx" for a in artifacts) else ())}
    return Lineage(
        model_sha256=source.sha256,
        sample_sha256=prepared.sample.sha256,
        code_revision=order.code_revision,
        packages=packaging.package_versions(tuple(sorted(names))),
        parameters={**source.parameters, **order.parameters},
    )
