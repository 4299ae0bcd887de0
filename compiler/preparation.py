"""A model, read and scored on its sample: what all the bundles that are made of it share.

Every step is done once, however many firmware profiles want a bundle: reading, scoring and
describing at once; an artifact is emitted and proved when a bundle first wants it.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from msgspec import structs
from numpy.typing import NDArray

from compiler import parity
from compiler.accuracy import take_labels
from compiler.attribution import mean_attributions
from compiler.backends.artifact import EmittedArtifact
from compiler.baseline import build_baseline
from compiler.checks import Checklist
from compiler.columns import Column
from compiler.edges import edge_rows
from compiler.errors import CompilerError, ModelError, SampleError, UnsupportedModelError
from compiler.frontends.model_file import read_model
from compiler.frontends.source import Signature, SourceModel
from compiler.quantization import Quantization, quantize
from compiler.sample import Sample, arrange, read_sample
from compiler.schema import DAY_S, Schema, read_schema
from compiler.spread import evenly
from compiler.tables import matrix_columns
from compiler.tolerance import choose_tolerance
from compiler.truth import score_sample
from detectors import lay_out
from detectors.limits import calibrate
from device_contract.baseline import Baseline
from device_contract.canonical import sha256_hex
from device_contract.manifest import MAX_FEATURES, MAX_STREAM_NAME, ArtifactKind, Label, Output

if TYPE_CHECKING:
    from compiler.ir.nodes import Graph

Made = TypeVar("Made")


class PreparedModel:
    """A model with its sample.

    Attributes:
        source: The model.
        sample: The sample, arranged.
        truth: The model's scores of it, (n_rows, n_outputs), NaN in rows that it refuses.
        outputs: The model's outputs, named.
        tolerance: How far a score may be off.
        notes: What the user should know, a sentence each.
    """

    def __init__(  # noqa: PLR0913  (what all bundles share)
        self,
        source: SourceModel,
        sample: Sample,
        truth: NDArray[np.float64],
        outputs: tuple[Output, ...],
        notes: tuple[str, ...],
        *,
        explain: bool,
        labels: NDArray[np.float64] | None = None,
        season_s: int = DAY_S,
    ) -> None:
        self.source = source
        self.sample = sample
        self.truth = truth
        self.outputs = outputs
        self.notes = notes
        self._explain = explain
        self.tolerance = choose_tolerance(source, sample.rows, truth)
        self._labels = labels
        self._season_s = season_s
        self._outcomes: dict[tuple[str, ArtifactKind], Any] = {}

    @cached_property
    def baseline(self) -> Baseline:
        """What drift is told against."""
        is_classifier = self.source.signature.task == "classification"
        built = build_baseline(
            self.sample.features,
            self.outputs,
            self.sample.rows,
            self.truth,
            is_classifier=is_classifier,
            labels=self._labels if is_classifier else None,
            season_ms=1000 * self._season_s,
        )
        return structs.replace(built, attributions=self._attributions(), limits=calibrate(lay_out(built)))

    def _attributions(self) -> tuple[float, ...]:
        if not self._explain:
            return ()
        try:
            return mean_attributions(self.emit("plan").data, self.sample.rows)
        except CompilerError:
            return ()  # whoever wants the plan is told why there is none

    def emit(self, kind: ArtifactKind) -> EmittedArtifact:
        """Return the model as an artifact.

        Raises:
            UnsupportedModelError: This kind of artifact cannot express the model.
            ModelError: The conversion failed.
        """
        return self._once("emit", kind, lambda: self._emit(kind))

    def prove(self, kind: ArtifactKind) -> parity.ParityResult:
        """Return how well an artifact agrees with the model, on the sample and at the model's edges.

        A plan is held to every edge. ONNX is told its wrong rows there: its thresholds and
        scalers are float32, so that beside a threshold it may take the other branch.

        Raises:
            ParityError: It does not; the error holds the worst rows.
        """
        return self._once("prove", kind, lambda: self._prove(self.emit(kind)))

    def _prove(self, artifact: EmittedArtifact) -> parity.ParityResult:
        scored = np.flatnonzero(np.isfinite(self.truth).all(axis=1))
        chosen = scored[evenly(len(scored), parity.MAX_ROWS)]
        rows, expected = self.sample.rows[chosen], self.truth[chosen]
        result = parity.prove(artifact, self.source.signature, rows, expected, self.tolerance, numbers=chosen)
        compared, wrong = self._prove_edges(artifact)
        return replace(result, edge_rows=compared, wrong_edge_rows=wrong)

    def _prove_edges(self, artifact: EmittedArtifact) -> tuple[int, int]:
        """Return how many rows at the edges were compared, and how many of them are wrong."""
        signature, compared, wrong = self.source.signature, 0, 0
        for kind, rows, truth in self._edges:
            if artifact.kind == "plan":
                parity.prove(artifact, signature, rows, truth, self.tolerance, where=f" at the edges, {kind}")
            else:
                scores = artifact.scorer()(rows)
                wrong += int(parity.wrong_rows(scores, truth, signature, self.tolerance).sum())
            compared += len(rows)
        return compared, wrong

    @cached_property
    def _edges(self) -> tuple[tuple[str, NDArray[np.float32], NDArray[np.float64]], ...]:
        """The rows at the edges that the model gives finite scores for, with those; by what they are."""
        try:
            groups = edge_rows(self._graph, self.sample.rows)
        except UnsupportedModelError:
            return ()  # what cannot be lowered shows no edges
        scored = []
        for group in groups:
            try:
                truth = self.source.score(group.rows)
            except ModelError:
                continue  # the model takes none of these
            taken = np.isfinite(truth).all(axis=1)
            if taken.any():
                scored.append((group.kind, group.rows[taken], truth[taken]))
        return tuple(scored)

    @cached_property
    def _graph(self) -> "Graph":
        return self.source.to_graph()

    def _emit(self, kind: ArtifactKind) -> EmittedArtifact:
        if kind == "onnx":
            converted = self.source.to_onnx()
            return EmittedArtifact("onnx", converted.data, converted.input, converted.output)
        from compiler.backends.plan import emit  # noqa: PLC0415  (only when a plan is wanted)

        return EmittedArtifact("plan", emit(self._graph, self.sample.rows if self._explain else None))

    def _once(self, what: str, kind: ArtifactKind, make: Callable[[], Made]) -> Made:
        """Do something the first time; after that answer, or fail, in the same way."""
        if (what, kind) not in self._outcomes:
            try:
                self._outcomes[what, kind] = make()
            except CompilerError as error:
                self._outcomes[what, kind] = error
        outcome: Made | CompilerError = self._outcomes[what, kind]
        if isinstance(outcome, CompilerError):
            raise outcome
        return outcome


def prepare(  # noqa: PLR0913  (each by its name)
    model: Any,  # noqa: ANN401  (a path or a fitted estimator of any type)
    sample: Path | str | NDArray[Any],
    *,
    schema: Path | str | None,
    trust_pickle: bool,
    checklist: Checklist,
    explain: bool = False,
    labels: str | None = None,
    quantization: Quantization | None = None,
) -> PreparedModel:
    """Read a model and its sample, and score it.

    Args:
        model: Path of the model, or a fitted one.
        sample: Path of rows like those of the training, or an array (n_rows, n_features).
        schema: Path of a schema file that describes the features and outputs.
        trust_pickle: Load a pickle, which runs any code that it holds.
        checklist: Told of each step.
        explain: Plans hold what explains their scores, by the sample's rows.
        labels: The sample's column that holds what each row turned out to be, if there is one.
        quantization: What shall be made smaller, if anything.

    Raises:
        CompilerError: The model, the sample or the schema is not right.
    """
    with checklist.step("model"):
        source = _read_source(model, trust_pickle=trust_pickle)
    with checklist.step("sample") as step:
        described = read_schema(Path(schema)) if schema is not None else Schema()
        columns, sample_sha256 = _read_columns(sample)
        known, columns = _take_labels(columns, labels, source.signature)
        arranged = _arrange(columns, sample_sha256, source.signature, described)
        if known is not None and len(known) != len(arranged.rows):
            raise SampleError("the sample's labels are of a stream, whose frames the model scores: give none")
        step.figures |= {"rows": len(arranged.rows), "features": len(arranged.features)}
    with checklist.step("truth") as step:
        truth, refusal = score_sample(source, arranged.rows)
        outputs = _outputs(truth.shape[1], source.signature.labels, described)
        step.figures |= {"rows": int(np.isfinite(truth).all(axis=1).sum()), "outputs": len(outputs)}
    if quantization is not None:
        with checklist.step("quantize") as step:
            if known is None:
                raise SampleError("no labels are given to quantize by")
            source, truth = quantize(source, quantization, arranged.rows, truth, known, step.figures)
    notes = tuple(note for note in (_ignored(arranged), refusal) if note)
    return PreparedModel(
        source, arranged, truth, outputs, notes, explain=explain, labels=known, season_s=described.season_s
    )


def _take_labels(
    columns: tuple[Column, ...], name: str | None, signature: Signature
) -> tuple[NDArray[np.float64] | None, tuple[Column, ...]]:
    return take_labels(columns, name, signature) if name is not None else (None, columns)


def _read_source(model: Any, *, trust_pickle: bool) -> SourceModel:  # noqa: ANN401
    source = _source_of(model, trust_pickle=trust_pickle)
    if source.signature.n_features > MAX_FEATURES:
        raise ModelError(f"the model takes {source.signature.n_features} features, a bundle has at most {MAX_FEATURES}")
    return source


def _source_of(model: Any, *, trust_pickle: bool) -> SourceModel:  # noqa: ANN401
    if isinstance(model, str | Path):
        return read_model(Path(model), trust_pickle=trust_pickle)
    from compiler.frontends.model_object import source_of  # noqa: PLC0415  (not needed for ONNX files)

    return source_of(model)


def _read_columns(sample: Path | str | NDArray[Any]) -> tuple[tuple[Column, ...], str]:
    if isinstance(sample, str | Path):
        return read_sample(Path(sample))
    if not isinstance(sample, np.ndarray):
        raise SampleError(f"the sample is a {type(sample).__name__}; give a path, or an array (rows, features)")
    if sample.ndim != 2 or sample.dtype.kind not in "biuf":  # noqa: PLR2004  (rows and columns)
        raise SampleError(f"the sample has shape {sample.shape} of {sample.dtype}; expected numbers, (rows, features)")
    return matrix_columns(sample), sha256_hex(np.ascontiguousarray(sample, dtype=np.float32).tobytes())


def _arrange(columns: tuple[Column, ...], sha256: str, signature: Signature, schema: Schema) -> Sample:
    if signature.frame is None:
        return arrange(columns, sha256, signature, schema)
    from compiler.framed_sample import arrange_frames  # noqa: PLC0415  (scikit-learn, which ONNX files do not need)

    return arrange_frames(columns, sha256, signature, signature.frame, schema)


def _outputs(n_outputs: int, labels: tuple[Label, ...], schema: Schema) -> tuple[Output, ...]:
    """Name the outputs: by the schema, after the labels, or ``prediction``, numbered when there are several."""
    if schema.output and len(schema.output) != n_outputs:
        raise SampleError(f"the schema describes {len(schema.output)} outputs, the model has {n_outputs}")
    if schema.output:
        return tuple(Output(name=output.name, unit=output.unit) for output in schema.output)
    if labels:
        _check_labels(labels)
        return tuple(Output(name=f"probability.{label}") for label in labels)
    names = ["prediction"] if n_outputs == 1 else [f"prediction.{index}" for index in range(n_outputs)]
    return tuple(Output(name=name) for name in names)


def _check_labels(labels: tuple[Label, ...]) -> None:
    long = next((label for label in labels if len(f"probability.{label}") > MAX_STREAM_NAME), None)
    if long is not None:
        raise SampleError(f"the label {str(long)[:40]!r}... is too long to name an output: name them in a schema file")


def _ignored(sample: Sample) -> str:
    return f"columns that are no features of the model: {', '.join(sample.ignored)}" if sample.ignored else ""
