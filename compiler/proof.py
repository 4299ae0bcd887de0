"""The artifacts of a model, each emitted and proved to give its scores."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from compiler import parity
from compiler.backends.artifact import EmittedArtifact
from compiler.checks import Checklist, Step
from compiler.errors import BudgetError, ModelError, ParityError, UnsupportedModelError
from compiler.preparation import PreparedModel
from device_contract.bundle import MAX_BUNDLE_BYTES
from device_contract.manifest import ArtifactKind
from device_contract.profile import FirmwareProfile

Kind = Literal["onnx", "plan", "both"]


@dataclass(frozen=True)
class ProvedArtifacts:
    """What a bundle carries.

    Attributes:
        artifacts: The artifacts.
        parity: How well each agrees with the original model.
        notes: What the user should know of them, and of those that there are not; a sentence each.
    """

    artifacts: tuple[EmittedArtifact, ...]
    parity: tuple[parity.ParityResult, ...]
    notes: tuple[str, ...]


def prove_artifacts(
    prepared: PreparedModel, kind: Kind | None, profile: FirmwareProfile | None, checklist: Checklist
) -> ProvedArtifacts:
    """Emit and prove the artifacts that a profile allows.

    Without an explicit kind, one that the model does not have is told and left out; so is ONNX that is wrong
    beside a right plan, for the libraries that convert to it get some models wrong.

    Raises:
        CompilerError: There is none, one that was asked for is missing, or one does not agree.
    """
    emitted, notes = _emit(prepared, kind, profile, checklist)
    artifacts: list[EmittedArtifact] = []
    proved: list[parity.ParityResult] = []
    for artifact in emitted:
        with checklist.step(f"{artifact.kind}.parity") as step:
            try:
                proved.append(_prove(prepared, artifact, step))
                artifacts.append(artifact)
            except (ModelError, ParityError) as error:
                if kind is not None or artifact.kind != "onnx" or not proved:
                    raise
                step.skipped = f"no onnx for this model: {str(error).partition(';')[0]}"
                notes.append(step.skipped)
    return ProvedArtifacts(tuple(artifacts), tuple(proved), (*notes, *_edge_notes(proved)))


def _kinds(kind: Kind | None, profile: FirmwareProfile | None) -> tuple[ArtifactKind, ...]:
    allowed: tuple[ArtifactKind, ...] = profile.artifact_kinds if profile else ("plan", "onnx")
    wanted: tuple[ArtifactKind, ...] = allowed if kind is None else ("plan", "onnx") if kind == "both" else (kind,)
    refused = [each for each in wanted if each not in allowed]
    if profile and refused:
        raise BudgetError(f"profile {profile.name!r} takes {' and '.join(allowed)}, not {refused[0]}")
    return wanted


def _emit(
    prepared: PreparedModel, kind: Kind | None, profile: FirmwareProfile | None, checklist: Checklist
) -> tuple[list[EmittedArtifact], list[str]]:
    """Return the artifacts, and why the others are missing."""
    artifacts, reasons = [], []
    for wanted in _kinds(kind, profile):
        with checklist.step(wanted) as step:
            try:
                artifacts.append(prepared.emit(wanted))
                step.figures["bytes"] = len(artifacts[-1].data)
            except UnsupportedModelError as error:
                step.skipped = f"no {wanted} for this model: {error}"
                if kind is not None:
                    raise UnsupportedModelError(step.skipped) from error
                reasons.append(step.skipped)
    if not artifacts:
        raise UnsupportedModelError("; ".join(reasons))
    total_bytes = sum(len(artifact.data) for artifact in artifacts)
    if total_bytes > MAX_BUNDLE_BYTES:
        raise ModelError(f"the artifacts have {total_bytes} bytes, a bundle holds at most {MAX_BUNDLE_BYTES}")
    return artifacts, reasons


def _prove(prepared: PreparedModel, artifact: EmittedArtifact, step: Step) -> parity.ParityResult:
    tolerance = prepared.tolerance
    step.figures |= {"absolute_tolerance": tolerance.largest, "relative_tolerance": tolerance.relative}
    result = prepared.prove(artifact.kind)
    step.figures |= {"rows": result.rows, "max_difference": result.max_difference}
    step.figures |= {"edge_rows": result.edge_rows, "wrong_edge_rows": result.wrong_edge_rows}
    return result


def _edge_notes(proved: list[parity.ParityResult]) -> Iterator[str]:
    for each in proved:
        if each.wrong_edge_rows:
            where = f"{each.wrong_edge_rows} of {each.edge_rows} rows at thresholds, missing values and infinities"
            yield f"the {each.kind} disagrees with the model on {where}"
