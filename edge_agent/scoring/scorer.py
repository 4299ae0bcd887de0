"""The in-process door for applications: open a bundle, score rows."""

import array
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from device_contract.bundle import Bundle, open_file
from device_contract.errors import BundleError, PlanError, RowError
from device_contract.frames import Frame, Framer
from device_contract.manifest import Label, Manifest
from device_contract.plan.scorer import PlanScorer
from edge_agent.errors import ModelError
from edge_agent.scoring.labels import most_probable
from edge_agent.scoring.model import Model, Score

if TYPE_CHECKING:
    from device_contract.plan.scorer import Row, Rows, Scores


class Scorer:
    """A bundle's model; may be shared by any number of threads.

    A row is a C-contiguous float32 buffer (``array.array("f")``, numpy) or a sequence of
    numbers. A row that is NaN somewhere has NaN scores, unless the model takes missing values.
    A model with a frame takes a row of features, which ``push`` computes from samples.

    Attributes:
        manifest: The bundle's manifest.
        score: ``score(row)`` gives the model's output: a float, or a tuple of floats for several
            outputs; for a classifier the probabilities in the order of ``manifest.labels``.
        score_into: ``score_into(row, out)`` writes it to a float64 buffer instead.

    Both are the model's own methods: a method of this class around them would cost a third of
    the time that a small model takes. They raise ``device_contract.errors.RowError`` for a
    wrong width or type.
    """

    score: "Callable[[Row], Score]"
    score_into: "Callable[[Row, Scores], None]"

    def __init__(self, manifest: Manifest, model: Model) -> None:
        self.manifest = manifest
        self._model = model
        self.score = model.score
        self.score_into = model.score_into

    @classmethod
    def open(cls, path: str | Path) -> "Scorer":
        """Open a bundle file; its digests are checked, its signature is not.

        Raises:
            ContractError: The bundle or its model is not sound.
            ModelError: The bundle needs onnxruntime, which is not installed.
        """
        return cls.from_bundle(open_file(Path(path)))

    @classmethod
    def from_bundle(cls, bundle: Bundle) -> "Scorer":
        """Take an open bundle: its plan if it has one, else its ONNX model.

        Raises:
            ContractError: The model is not sound.
            ModelError: The bundle needs onnxruntime, which is not installed.
        """
        model = _load(bundle)
        expected = (len(bundle.manifest.features), len(bundle.manifest.outputs))
        if (model.n_features, model.n_outputs) != expected:
            raise BundleError(
                f"the model has {model.n_features} features and {model.n_outputs} outputs, its manifest {expected}"
            )
        return cls(bundle.manifest, model)

    @property
    def n_features(self) -> int:
        """Width of a row."""
        return self._model.n_features

    @property
    def n_explained(self) -> int:
        """Raw scores that ``explain_into`` explains; 0 where the model cannot."""
        return getattr(self._model, "n_explained", 0)

    def explain_into(self, row: "Rows", out: "Scores") -> None:
        """Write how much each feature adds to the raw scores of a row, before any link.

        Args:
            row: float32 buffer of n_features values.
            out: Writable float64 buffer of (n_features + 1) x n_explained values: a line for each
                feature, the last for the expected scores.

        Raises:
            RowError: The row or ``out`` has the wrong width or type.
            PlanError: The model holds nothing to explain by.
        """
        if not isinstance(self._model, PlanScorer):
            raise PlanError("an ONNX model holds nothing to explain by")
        self._model.explain_into(row, out)

    def predict(self, row: "Row") -> Label | Score | None:
        """Return the most probable label (the first of equals), or a regression's value.

        Returns:
            ``None`` for a classifier whose scores of this row are NaN.

        Raises:
            RowError: The row has the wrong width or type.
        """
        score = self.score(row)
        if self.manifest.task == "regression":
            return score
        return most_probable(self.manifest.labels, score if isinstance(score, tuple) else (score,))

    def push(self, sample: "Row") -> Score | None:
        """Take one sample of a stream, for a bundle with a frame.

        Not to be called by several threads at once, for all samples are of one stream.

        Args:
            sample: One number a channel, as ``manifest.frame`` lists them; NaN where missing.

        Returns:
            The score of the frame that it completes, or ``None``.

        Raises:
            RowError: The sample has the wrong width or type, or the bundle has no frame.
        """
        return self.score(self._framer.row) if self._framer.push(sample) else None

    @cached_property
    def _framer(self) -> Framer:
        frame = self.manifest.frame
        if not isinstance(frame, Frame):
            raise RowError("the bundle has no frame: its model takes rows, which score() scores")
        return Framer(frame)

    def score_batch(self, rows: "Rows | list[Row] | tuple[Row, ...]", out: "Scores | None" = None) -> Any:  # noqa: ANN401  (as out)
        """Score many rows; other threads run meanwhile.

        Args:
            rows: float32 C-contiguous buffer, (n_rows, n_features) or flat, or a list of rows.
            out: Writable float64 buffer for n_rows x n_outputs scores.

        Returns:
            ``out`` if given; else a numpy array, (n_rows,) or (n_rows, n_outputs), if ``rows`` is
            one; else ``array.array("d")``, row after row.

        Raises:
            RowError: The rows or ``out`` have the wrong size or type.
        """
        buffer = _joined(rows, self._model.n_features) if isinstance(rows, list | tuple) else rows
        n_rows = _count(buffer, self._model.n_features)
        if out is None:
            out = _room(rows, n_rows, self._model.n_outputs)
        self._model.score_batch(buffer, n_rows, out)
        return out


def _load(bundle: Bundle) -> Model:
    plan = bundle.manifest.artifact("plan")
    if plan is not None:
        return PlanScorer(bundle.files[plan.file.path])
    artifact = bundle.manifest.artifact("onnx")
    if artifact is None:
        raise BundleError("the bundle holds no model")
    try:
        from edge_agent.scoring.onnx import OnnxModel  # noqa: PLC0415  (numpy and onnxruntime: 100 MB, 0.1 s)
    except ModuleNotFoundError as error:
        raise ModelError(f"the bundle holds an ONNX model: install leeway-fleet[onnx] ({error})") from error
    return OnnxModel(bundle.files[artifact.file.path], artifact, bundle.manifest)


def _joined(rows: Sequence[Any], n_features: int) -> "array.array[float]":
    """Copy a list of rows into one buffer."""
    joined = array.array("f")
    for index, row in enumerate(rows):
        try:
            joined.extend(row)
        except (TypeError, OverflowError) as error:
            raise RowError(f"row {index} is no row of numbers: {error}") from error
        if len(joined) != (index + 1) * n_features:
            raise RowError(f"row {index} has {len(joined) - index * n_features} values, the model takes {n_features}")
    return joined


def _count(rows: Any, n_features: int) -> int:  # noqa: ANN401  (any buffer)
    try:
        view = memoryview(rows)
    except TypeError as error:
        raise RowError(f"rows is a {type(rows).__name__}; give a float32 buffer or a list of rows") from error
    size, shape = view.nbytes // view.itemsize, view.shape or ()
    if size % n_features or (len(shape) > 1 and shape[-1] != n_features):
        raise RowError(f"rows has the shape {shape}, the model takes rows of {n_features}")
    return size // n_features


def _room(rows: object, n_rows: int, n_outputs: int) -> Any:  # noqa: ANN401  (an array of the caller's kind)
    if not hasattr(rows, "__array_interface__"):
        return array.array("d", bytes(8 * n_rows * n_outputs))
    import numpy as np  # noqa: PLC0415  (the caller has loaded it already)

    return np.empty(n_rows if n_outputs == 1 else (n_rows, n_outputs), np.float64)
