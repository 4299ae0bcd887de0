"""scikit-learn pipelines that begin with the features of frames.

The device computes those before the model's row, so what is compiled is the pipeline behind them.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline

from compiler.errors import ModelError
from compiler.frames import FrameFeatures
from compiler.frontends.sklearn import SklearnModel, sha256_of_state
from compiler.frontends.source import OnnxArtifact

if TYPE_CHECKING:
    from compiler.ir.nodes import Graph


def begins_with_frames(model: Any) -> bool:
    """Tell whether a model is a pipeline whose first step computes the features of frames."""
    return isinstance(model, Pipeline) and isinstance(model.steps[0][1], FrameFeatures)


class FramedModel:
    """The steps of a pipeline behind its ``FrameFeatures``, as a ``SourceModel`` whose signature has the frame."""

    def __init__(self, pipeline: Pipeline, sha256: str | None = None) -> None:
        """Take a fitted pipeline.

        Args:
            pipeline: Its first step is a ``FrameFeatures``.
            sha256: Digest of the file that it came from; of its state when left out.

        Raises:
            ModelError: It is not fitted, nothing comes behind its frame, or the frame contradicts itself.
        """
        (_, frames), *others = pipeline.steps
        if not others:
            raise ModelError("the pipeline ends with its FrameFeatures: let a model follow")
        try:
            frame = frames.frame()
        except ValueError as error:
            raise ModelError(str(error)) from error
        self._model = SklearnModel(Pipeline(others), sha256 or sha256_of_state(pipeline))
        self.sha256 = self._model.sha256
        self.packages = self._model.packages
        signature = self._model.signature
        if signature.n_features != frame.n_features:
            raise ModelError(
                f"the model takes {signature.n_features} features, its FrameFeatures gives {frame.n_features}"
            )
        self.signature = replace(signature, feature_names=frame.feature_names(), frame=frame)

    @property
    def parameters(self) -> Mapping[str, str]:
        """The types of the steps, and the hyper-parameters of those behind the frame."""
        given = self._model.parameters
        frames = f"{FrameFeatures.__module__}.{FrameFeatures.__qualname__}"
        return {**given, "model_type": f"{frames} > {given['model_type']}"}

    def score(self, rows: NDArray[np.float32]) -> NDArray[np.float64]:
        """Score rows of features, (n_rows, n_features); returns (n_rows, n_outputs)."""
        return self._model.score(rows)

    def to_onnx(self) -> OnnxArtifact:
        """Convert the steps behind the frame."""
        return self._model.to_onnx()

    def to_graph(self) -> "Graph":
        """Lower the steps behind the frame."""
        return self._model.to_graph()
