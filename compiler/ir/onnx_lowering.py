"""ONNX graphs to our own: chains of the ai.onnx.ml operators for scalers, linear models and trees.

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
from compiler.ir.nodes import Elementwise, Floats, Graph, Linear, Link, Node, Operator
from compiler.ir.onnx_trees import classifier_trees, regressor_trees

Attributes = Mapping[str, Any]

_ARITHMETIC: Mapping[str, Operator] = MappingProxyType(
    {"Add": "add", "Sub": "subtract", "Mul": "multiply", "Div": "divide"}
)


def lower_onnx(model: ModelProto) -> Graph:
    """Lower an ONNX graph with one float32 input (n_rows, n_features) and one output.

    Raises:
        UnsupportedModelError: It holds an operator, or an operator's variant, that a plan cannot express.
    """
    graph = model.graph
    n_features = graph.input[0].type.tensor_type.shape.dim[-1].dim_value
    constants = _constants(graph)
    nodes: list[Node] = []
    value = graph.input[0].name
    for operator in graph.node:
        given = [name for name in operator.input if name not in constants]
        if given != [value] or operator.input[0] != value:
            raise UnsupportedModelError(f"a plan cannot express a graph that branches at {operator.op_type}")
        operands = [constants[name] for name in operator.input[1:]]
        nodes = _append(nodes, operator, operands, n_features)
        value = operator.output[-1]
    scorer = next((node for node in nodes if not isinstance(node, Elementwise | Link)), None)
    if scorer is None or value != graph.output[0].name:
        raise UnsupportedModelError("a plan cannot express a graph that ends without a linear model or trees")
    n_outputs = 2 if nodes[-1] == Link("binary_sigmoid") else len(scorer.base)
    return Graph(n_features, n_outputs, tuple(nodes))


def _constants(graph: GraphProto) -> dict[str, NDArray[Any]]:
    return {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}


def _append(nodes: list[Node], operator: NodeProto, operands: list[NDArray[Any]], n_features: int) -> list[Node]:
    attributes = {attribute.name: helper.get_attribute_value(attribute) for attribute in operator.attribute}
    if _changes_nothing(operator.op_type, attributes, nodes):
        return nodes
    if not any(not isinstance(node, Elementwise) for node in nodes):
        if operator.op_type in _ARITHMETIC:
            return [*nodes, *_elementwise([(_ARITHMETIC[operator.op_type], operands[0])], n_features)]
        if operator.op_type in _LOWERINGS:
            return [*nodes, *_LOWERINGS[operator.op_type](attributes, n_features)]
    raise UnsupportedModelError(f"a plan cannot express the ONNX operator {operator.op_type} where it stands")


def _changes_nothing(name: str, attributes: Attributes, nodes: list[Node]) -> bool:
    if name == "Cast":
        return bool(attributes["to"] == TensorProto.FLOAT)
    # Probabilities that add up to 1 already, divided by their sum.
    is_normalized = bool(nodes) and isinstance(nodes[-1], Link)
    return name == "Identity" or (name == "Normalizer" and attributes.get("norm") == b"L1" and is_normalized)


def _scaler(attributes: Attributes, n_features: int) -> tuple[Node, ...]:
    return _elementwise([("subtract", attributes["offset"]), ("multiply", attributes["scale"])], n_features)


def _elementwise(steps: list[tuple[Operator, Any]], n_features: int) -> tuple[Node, ...]:
    nodes = []
    for name, values in steps:
        operand = np.asarray(values, np.float64).reshape(-1)
        if len(operand) not in {1, n_features} or not np.isfinite(operand).all():
            raise UnsupportedModelError(f"a plan cannot express {name} with other than one finite number a feature")
        if name in {"multiply", "divide"} and (operand <= 0).any():
            raise UnsupportedModelError(f"a plan cannot express {name} by a number that is not above zero")
        nodes.append(Elementwise(name, np.array(np.broadcast_to(operand, (n_features,))), rounds=True))
    return tuple(nodes)


def _linear_regressor(attributes: Attributes, n_features: int) -> tuple[Node, ...]:
    _require_no_transform(attributes)
    return (_linear(attributes, attributes.get("targets", 1), n_features),)


def _linear_classifier(attributes: Attributes, n_features: int) -> tuple[Node, ...]:
    labels = attributes.get("classlabels_ints") or attributes.get("classlabels_strings") or ()
    linear = _linear(attributes, len(labels), n_features)
    transform = attributes.get("post_transform", b"NONE")
    if transform == b"SOFTMAX":
        return (linear, Link("softmax"))
    is_mirrored = len(labels) == 2 and bool((linear.weights[0] == -linear.weights[1]).all())  # noqa: PLR2004  (binary)
    if transform == b"LOGISTIC" and is_mirrored and linear.base[0] == -linear.base[1]:
        return (Linear(linear.weights[1:], linear.center, linear.base[1:]), Link("binary_sigmoid"))
    _require_no_transform(attributes)
    return (linear,)


def _linear(attributes: Attributes, n_scores: int, n_features: int) -> Linear:
    weights: Floats = np.asarray(attributes["coefficients"], np.float64)
    base: Floats = np.asarray(attributes.get("intercepts") or [0.0] * n_scores, np.float64)
    if weights.size != n_scores * n_features or base.size != n_scores:
        raise UnsupportedModelError(f"a plan cannot express {weights.size} coefficients for {n_scores} scores")
    return Linear(weights.reshape(n_scores, n_features), np.zeros(n_features), base)


def _require_no_transform(attributes: Attributes) -> None:
    transform = attributes.get("post_transform", b"NONE")
    if transform != b"NONE":
        raise UnsupportedModelError(f"a plan cannot express the post-transform {transform.decode()} here")


_LOWERINGS: Mapping[str, Callable[[Attributes, int], tuple[Node, ...]]] = MappingProxyType(
    {
        "Scaler": _scaler,
        "LinearRegressor": _linear_regressor,
        "LinearClassifier": _linear_classifier,
        "TreeEnsembleRegressor": lambda attributes, _: regressor_trees(attributes),
        "TreeEnsembleClassifier": lambda attributes, _: classifier_trees(attributes),
    }
)
