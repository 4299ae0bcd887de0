"""ONNX graphs to our own: operator by operator, each a function of its inputs.

What onnxruntime gives is the truth here, also where it differs from the library that the
graph was converted from. A variant that a plan cannot express is refused, not approximated.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, helper, numpy_helper

from compiler.errors import UnsupportedModelError
from compiler.ir.nodes import BinarySigmoid, Floats, Graph, Linear, MapConstant, Node, Row, SigmoidNormalized, Softmax
from compiler.ir.onnx_trees import classifier_trees, regressor_trees
from device_contract.plan.format import Function

Attributes = Mapping[str, Any]
Operands = list[NDArray[Any]]

_ARITHMETIC: Mapping[str, Function] = MappingProxyType(
    {"Add": Function.ADD, "Sub": Function.SUBTRACT, "Mul": Function.MULTIPLY, "Div": Function.DIVIDE}
)


def lower_onnx(model: ModelProto) -> Graph:
    """Lower an ONNX graph with one float32 input (n_rows, n_features) and one output.

    Raises:
        UnsupportedModelError: It holds an operator, or an operator's variant, that a plan cannot express.
    """
    graph = model.graph
    row = Row(graph.input[0].type.tensor_type.shape.dim[-1].dim_value)
    constants = _constants(graph)
    node: Node = row
    name = graph.input[0].name
    for operator in graph.node:
        given = [each for each in operator.input if each not in constants]
        if given != [name] or operator.input[0] != name:
            raise UnsupportedModelError(f"a plan cannot express a graph that branches at {operator.op_type}")
        node = _lower(operator, node, [constants[each] for each in operator.input[1:]])
        name = operator.output[-1]
    if name != graph.output[0].name or isinstance(node, Row):
        raise UnsupportedModelError("a plan cannot express a graph that ends without a linear model or trees")
    return Graph(row, node)


def _constants(graph: GraphProto) -> dict[str, NDArray[Any]]:
    return {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}


def _lower(operator: NodeProto, source: Node, operands: Operands) -> Node:
    attributes = {attribute.name: helper.get_attribute_value(attribute) for attribute in operator.attribute}
    if _changes_nothing(operator.op_type, attributes, source):
        return source
    if operator.op_type in _ARITHMETIC:
        return _elementwise(_ARITHMETIC[operator.op_type], source, operands[0])
    if operator.op_type in _LOWERINGS:
        return _LOWERINGS[operator.op_type](attributes, source)
    raise UnsupportedModelError(f"a plan cannot express the ONNX operator {operator.op_type} where it stands")


def _changes_nothing(name: str, attributes: Attributes, source: Node) -> bool:
    if name == "Cast":
        return bool(attributes["to"] == TensorProto.FLOAT)
    # Probabilities that add up to 1 already, divided by their sum.
    is_normalized = isinstance(source, BinarySigmoid | Softmax | SigmoidNormalized)
    return name == "Identity" or (name == "Normalizer" and attributes.get("norm") == b"L1" and is_normalized)


def _scaler(attributes: Attributes, source: Node) -> Node:
    centred = _elementwise(Function.SUBTRACT, source, attributes["offset"])
    return _elementwise(Function.MULTIPLY, centred, attributes["scale"])


def _elementwise(function: Function, source: Node, values: Any) -> Node:
    constants = np.asarray(values, np.float64).reshape(-1)
    if len(constants) not in {1, source.width} or not np.isfinite(constants).all():
        raise UnsupportedModelError(
            f"a plan cannot express {function.name.lower()} with other than one finite number a feature"
        )
    return MapConstant(function, source, np.array(np.broadcast_to(constants, (source.width,))), rounds=True)


def _linear_regressor(attributes: Attributes, source: Node) -> Node:
    _require_no_transform(attributes)
    return _linear(attributes, attributes.get("targets", 1), source)


def _linear_classifier(attributes: Attributes, source: Node) -> Node:
    labels = attributes.get("classlabels_ints") or attributes.get("classlabels_strings") or ()
    linear = _linear(attributes, len(labels), source)
    transform = attributes.get("post_transform", b"NONE")
    if transform == b"SOFTMAX":
        return Softmax(linear)
    is_mirrored = len(labels) == 2 and bool((linear.weights[0] == -linear.weights[1]).all())  # noqa: PLR2004  (binary)
    if transform == b"LOGISTIC" and is_mirrored and linear.base[0] == -linear.base[1]:
        return BinarySigmoid(Linear(source, linear.weights[1:], linear.center, linear.base[1:]))
    _require_no_transform(attributes)
    return linear


def _linear(attributes: Attributes, n_scores: int, source: Node) -> Linear:
    weights: Floats = np.asarray(attributes["coefficients"], np.float64)
    base: Floats = np.asarray(attributes.get("intercepts") or [0.0] * n_scores, np.float64)
    if weights.size != n_scores * source.width or base.size != n_scores:
        raise UnsupportedModelError(f"a plan cannot express {weights.size} coefficients for {n_scores} scores")
    return Linear(source, weights.reshape(n_scores, source.width), np.zeros(source.width), base)


def _require_no_transform(attributes: Attributes) -> None:
    transform = attributes.get("post_transform", b"NONE")
    if transform != b"NONE":
        raise UnsupportedModelError(f"a plan cannot express the post-transform {transform.decode()} here")


_LOWERINGS: Mapping[str, Callable[[Attributes, Node], Node]] = MappingProxyType(
    {
        "Scaler": _scaler,
        "LinearRegressor": _linear_regressor,
        "LinearClassifier": _linear_classifier,
        "TreeEnsembleRegressor": regressor_trees,
        "TreeEnsembleClassifier": classifier_trees,
    }
)
