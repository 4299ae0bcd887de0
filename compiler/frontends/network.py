"""A neural network by the ONNX that its library's exporter made: what all such frontends share."""

from typing import TYPE_CHECKING

import numpy as np
import onnx

from compiler.errors import ModelError
from compiler.frontends.onnx_file import OnnxFileModel
from compiler.frontends.source import OnnxArtifact, Signature

if TYPE_CHECKING:
    from compiler.ir.nodes import Graph


class Network:
    """The ONNX of a network, over flat rows.

    A network that ends in a softmax is a classifier, whose labels are the positions of its
    outputs; anything else is a regressor.
    """

    def __init__(self, data: bytes, row_shape: tuple[int, ...]) -> None:
        """Take what an exporter made.

        Raises:
            ModelError: It is not portable, or takes other rows than the network.
        """
        self._model = OnnxFileModel(data)
        own = self._model.signature
        shape = onnx.load_from_string(data).graph.input[0].type.tensor_type.shape.dim
        if tuple(size.dim_value for size in shape[1:]) != row_shape:
            raise ModelError(f"the exported ONNX takes other rows than the network, whose are {row_shape}")
        graph = onnx.load_from_string(self._model.to_onnx().data).graph
        ends_in_softmax = graph.node[-1].op_type == "Softmax"
        labels = tuple(range(self._n_outputs(own.n_features))) if ends_in_softmax else ()
        self.signature = Signature(
            task="classification" if labels else "regression",
            family="other",
            n_features=own.n_features,
            feature_names=(),
            labels=labels,
        )

    def _n_outputs(self, n_features: int) -> int:
        return int(self._model.score(np.zeros((1, n_features), np.float32)).shape[1])

    def to_onnx(self) -> OnnxArtifact:
        """Return the ONNX over flat rows."""
        return self._model.to_onnx()

    def to_graph(self) -> "Graph":
        """Lower the ONNX graph."""
        return self._model.to_graph()
