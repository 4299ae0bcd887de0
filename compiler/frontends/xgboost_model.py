"""XGBoost's boosters, and the JSON and UBJSON files that they are saved as."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import xgboost
from numpy.typing import NDArray
from scipy.special import softmax

from compiler.errors import ModelError, one_line
from compiler.frontends.source import OnnxArtifact, Signature
from compiler.frontends.xgboost_json import read_document
from device_contract.canonical import sha256_hex

if TYPE_CHECKING:
    from compiler.ir.nodes import Graph


class XgboostModel:
    """A booster as a ``SourceModel``; what XGBoost predicts is the truth.

    A booster knows its classes by number: the labels are 0, 1 and so on.
    """

    packages = ("numpy", "onnx", "xgboost")

    def __init__(self, data: bytes, sha256: str | None = None) -> None:
        """Take a booster's document.

        Args:
            data: What ``save_model`` writes, JSON or UBJSON.
            sha256: Digest of the file that it came from; of the document when left out.

        Raises:
            ModelError: It is not an XGBoost model, or is damaged.
        """
        self._document = read_document(data)
        self._booster = xgboost.Booster({"nthread": 1})
        try:
            self._booster.load_model(bytearray(data))
        except (xgboost.core.XGBoostError, ValueError) as error:
            raise ModelError(f"XGBoost does not read the model: {one_line(error)}") from error
        self.sha256 = sha256 or sha256_hex(data)
        objective, n_groups = self._document.objective, self._document.n_groups
        n_classes = n_groups if objective.startswith("multi:") else 2 if objective == "binary:logistic" else 0
        self.signature = Signature(
            task="classification" if n_classes and n_groups in {1, n_classes} else "regression",
            family="trees" if self._document.weights is None else "linear",
            n_features=self._document.n_features,
            feature_names=self._document.feature_names,
            labels=tuple(range(n_classes)),
        )

    @property
    def parameters(self) -> Mapping[str, str]:
        """What it was trained for, and how many trees it has."""
        return {
            "model_type": "xgboost.Booster",
            "objective": self._document.objective,
            "trees": str(len(self._document.trees)),
        }

    def score(self, rows: NDArray[np.float32]) -> NDArray[np.float64]:
        """Score rows of shape (n_rows, n_features); returns (n_rows, n_outputs)."""
        margins = self._document.objective == "multi:softmax"  # which gives the label only
        types = self._booster.feature_types
        names = list(self._document.feature_names) or None
        try:
            matrix = xgboost.DMatrix(rows, nthread=1, feature_names=names, feature_types=types, enable_categorical=True)
            scores = self._booster.predict(matrix, output_margin=margins, iteration_range=(0, self._rounds()))
        except (xgboost.core.XGBoostError, ValueError) as error:
            raise ModelError(f"the model does not take these rows: {one_line(error)}") from error
        scores = np.asarray(softmax(scores, axis=1) if margins else scores, np.float64).reshape(len(rows), -1)
        return np.hstack([1.0 - scores, scores]) if scores.shape[1] < len(self.signature.labels) else scores

    def _rounds(self) -> int:
        """Return how many rounds an estimator that wrote the file predicts with; 0 for all."""
        best = self._booster.attr("best_iteration") if self._booster.attr("scikit_learn") else None
        return int(best) + 1 if best is not None else 0

    def to_onnx(self) -> OnnxArtifact:
        """Convert the graph."""
        from compiler.backends.tree_onnx import convert_trees  # noqa: PLC0415  (only when ONNX is wanted)

        return convert_trees(self.to_graph(), len(self.signature.labels))

    def to_graph(self) -> "Graph":
        """Lower the document."""
        from compiler.ir.nodes import Graph, Row  # noqa: PLC0415  (only when a plan is wanted)
        from compiler.ir.xgboost_lowering import lower_booster, lower_classifier  # noqa: PLC0415  (the same)

        row = Row(self.signature.n_features)
        lower = lower_classifier if self.signature.labels else lower_booster
        return Graph(row, lower(self._document, row))
