"""CatBoost's models, and the ``.cbm`` and ``.json`` files that they are saved as."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import catboost
import numpy as np
from numpy.typing import NDArray

from compiler.errors import ModelError, one_line
from compiler.frontends.catboost_json import is_catboost, read_document
from compiler.frontends.source import OnnxArtifact, Signature
from device_contract.canonical import sha256_hex

if TYPE_CHECKING:
    from compiler.ir.nodes import Graph

_EXPONENTIAL = frozenset({"LogLinQuantile", "Poisson", "Tweedie"})


class CatboostModel:
    """A trained model as a ``SourceModel``; what CatBoost predicts is the truth."""

    packages = ("catboost", "numpy", "onnx")

    def __init__(self, model: Any, sha256: str | None = None) -> None:
        """Take a trained model.

        Args:
            model: A ``CatBoost``, or one of its estimators.
            sha256: Digest of the file that it came from; of its document when left out.

        Raises:
            ModelError: It is not trained, or takes categories.
        """
        self._model = model
        data = _document(model)
        self._document = read_document(data)
        self.sha256 = sha256 or sha256_hex(data)
        self.signature = Signature(
            task="classification" if self._document.labels else "regression",
            family="trees",
            n_features=self._document.n_features,
            feature_names=self._document.feature_names,
            labels=self._document.labels,
        )

    @property
    def parameters(self) -> Mapping[str, str]:
        """What it was trained for, and how many trees it has."""
        return {
            "model_type": f"catboost.{type(self._model).__name__}",
            "loss": self._document.loss,
            "trees": str(len(self._document.trees)),
        }

    def score(self, rows: NDArray[np.float32]) -> NDArray[np.float64]:
        """Score rows of shape (n_rows, n_features); returns (n_rows, n_outputs)."""
        kind = "Probability" if self._document.labels else "RawFormulaVal"
        kind = "Exponent" if self._document.loss in _EXPONENTIAL else kind
        try:
            scores = catboost.CatBoost.predict(self._model, rows, prediction_type=kind, thread_count=1)
        except catboost.CatBoostError as error:
            raise ModelError(f"the model does not take these rows: {one_line(error)}") from error
        return np.asarray(scores, np.float64).reshape(len(rows), -1)

    def to_onnx(self) -> OnnxArtifact:
        """Convert the graph."""
        from compiler.backends.tree_onnx import convert_trees  # noqa: PLC0415  (only when ONNX is wanted)

        return convert_trees(self.to_graph(), len(self.signature.labels))

    def to_graph(self) -> "Graph":
        """Lower the document."""
        from compiler.ir.catboost_lowering import lower_model  # noqa: PLC0415  (only when a plan is wanted)
        from compiler.ir.nodes import Graph, Row  # noqa: PLC0415  (the same)

        row = Row(self.signature.n_features)
        return Graph(row, lower_model(self._document, row))


def read_file(data: bytes, sha256: str) -> CatboostModel:
    """Read a ``.cbm`` or ``.json`` file.

    Raises:
        ModelError: CatBoost does not read it, or it is not one that the compiler takes.
    """
    kind = "json" if is_catboost(data) else "cbm"
    if kind == "json":
        read_document(data)  # before the library believes what it says
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model"
        path.write_bytes(data)
        model = _load(path, kind)
    return CatboostModel(model, sha256)


def _load(path: Path, kind: str) -> Any:
    try:
        return catboost.CatBoost().load_model(str(path), format=kind)
    except catboost.CatBoostError as error:
        raise ModelError(f"CatBoost does not read the model: {one_line(error)}") from error


def _document(model: Any) -> bytes:
    if not model.is_fitted():
        raise ModelError(f"the {type(model).__name__} is not trained: call fit before compiling it")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.json"
        model.save_model(str(path), format="json")
        return path.read_bytes()
