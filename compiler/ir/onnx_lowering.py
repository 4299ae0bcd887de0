"""ONNX graphs to our own."""

from onnx import ModelProto

from compiler.errors import UnsupportedModelError
from compiler.ir.nodes import Graph


def lower_onnx(model: ModelProto) -> Graph:
    """Lower an ONNX graph.

    Raises:
        UnsupportedModelError: The graph holds an operator that a plan cannot express.
    """
    operators = sorted({node.op_type for node in model.graph.node})
    raise UnsupportedModelError(f"a plan cannot express the ONNX operators {', '.join(operators)}")
