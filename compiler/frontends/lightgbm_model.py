"""LightGBM's boosters, and the text files that they are saved as."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import lightgbm
import numpy as np
from numpy.typing import NDArray

from compiler.errors import ModelError, one_line
from compiler.frontends.lightgbm_text import read_text
from compiler.frontends.source import OnnxArtifact, Signature
from device_contract.canonical import sha256_hex

if TYPE_CHECKING:
    from compiler.ir.nodes import Graph

_CLASSES = frozenset({"binary", "multiclass", "multiclassova"})


class LightgbmModel:
    """A booster as a ``SourceModel``; what LightGBM predicts is the truth.

    A booster knows its classes by number: the labels are 0, 1 and so on.
    """

    packages = ("lightgbm", "numpy", "onnx")

    def __init__(self, text: str, sha256: str | None = None) -> None:
        """Take a booster's text.

        Args:
            text: What ``Booster.save_model`` writes.
            sha256: Digest of the file that it came from; of the text when left out.

        Raises:
            ModelError: It is not a LightGBM model, or is damaged.
        """
        self._text = read_text(text)
        try:
            self._booster = lightgbm.Booster(model_str=text)
        except lightgbm.basic.LightGBMError as error:
            raise ModelError(f"LightGBM does not read the model: {one_line(error)}") from error
        self.sha256 = sha256 or sha256_hex(text.encode())
        objective = self._text.objective[0] if self._text.objective else ""
        n_classes = (2 if objective == "binary" else self._text.trees_a_round) if objective in _CLASSES else 0
        named = any(name != f"Column_{number}" for number, name in enumerate(self._text.feature_names))
        self.signature = Signature(
            task="classification" if n_classes else "regression",
            family="trees",
            n_features=self._text.n_features,
            feature_names=self._text.feature_names if named else (),
            labels=tuple(range(n_classes)),
        )

    @property
    def parameters(self) -> Mapping[str, str]:
        """What it was trained for, and how many trees it has."""
        return {
            "model_type": "lightgbm.Booster",
            "objective": " ".join(self._text.objective),
            "trees": str(len(self._text.trees)),
        }

    def score(self, rows: NDArray[np.float32]) -> NDArray[np.float64]:
        """Score rows of shape (n_rows, n_features); returns (n_rows, n_outputs)."""
        scores = self._booster.predict(rows.astype(np.float64), num_threads=1)
        scores = np.asarray(scores, np.float64).reshape(len(rows), -1)
        return np.hstack([1.0 - scores, scores]) if scores.shape[1] < len(self.signature.labels) else scores

    def to_onnx(self) -> OnnxArtifact:
        """Convert the graph."""
        from compiler.backends.tree_onnx import convert_trees  # noqa: PLC0415  (only when ONNX is wanted)

        return convert_trees(self.to_graph(), len(self.signature.labels))

    def to_graph(self) -> "Graph":
        """Lower the text, with its double thresholds."""
        from compiler.ir.lightgbm_lowering import lower_booster, lower_classifier  # noqa: PLC0415  (the same)
        from compiler.ir.nodes import Graph, Row  # noqa: PLC0415  (the same)

        row = Row(self.signature.n_features)
        lower = lower_classifier if self.signature.labels else lower_booster
        return Graph(row, lower(self._text, row))
