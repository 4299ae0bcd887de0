"""ONNX operators that take number by number, with broadcasting."""

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from onnx import helper

from compiler.ir.networks import Choose, Convolution
from compiler.ir.nodes import Concatenate, Map, MapConstant, MapPair, Node
from compiler.ir.onnx_registry import Operator, operator
from compiler.ir.onnx_tensors import Tensor, broadcast, computed, constant, reshaped
from device_contract.plan.format import Function

_FUNCTIONS: Final = {
    "Neg": Function.NEGATIVE,
    "Abs": Function.ABSOLUTE,
    "Sqrt": Function.SQUARE_ROOT,
    "Reciprocal": Function.RECIPROCAL,
    "Exp": Function.EXPONENTIAL,
    "Log": Function.LOGARITHM,
    "Sigmoid": Function.SIGMOID,
    "Tanh": Function.TANH,
    "Cos": Function.COSINE,
    "Sin": Function.SINE,
    "Floor": Function.FLOOR,
    "Ceil": Function.CEILING,
    "Round": Function.ROUND,
    "Sign": Function.SIGN,
    "Erf": Function.ERROR_FUNCTION,
    "Softplus": Function.SOFTPLUS,
}
_PAIRS: Final = {
    "Add": Function.ADD,
    "Sub": Function.SUBTRACT,
    "Mul": Function.MULTIPLY,
    "Div": Function.DIVIDE,
    "Min": Function.MINIMUM,
    "Max": Function.MAXIMUM,
    "Pow": Function.POWER,
    "Sum": Function.ADD,
    "And": Function.MULTIPLY,
    "Or": Function.MAXIMUM,
    "LessOrEqual": Function.LESS_EQUAL,
    "Less": Function.LESS,
    "Equal": Function.EQUAL,
    "Greater": Function.GREATER,
    "GreaterOrEqual": Function.GREATER_EQUAL,
}
_REVERSED: Final = {
    Function.ADD: Function.ADD,
    Function.MULTIPLY: Function.MULTIPLY,
    Function.MINIMUM: Function.MINIMUM,
    Function.MAXIMUM: Function.MAXIMUM,
    Function.EQUAL: Function.EQUAL,
    Function.SUBTRACT: Function.REVERSE_SUBTRACT,
    Function.DIVIDE: Function.REVERSE_DIVIDE,
    Function.LESS: Function.GREATER,
    Function.LESS_EQUAL: Function.GREATER_EQUAL,
    Function.GREATER: Function.LESS,
    Function.GREATER_EQUAL: Function.LESS_EQUAL,
}
"""Functions of (y, x) by that of (x, y), for a constant at the left."""
_TRUTHS: Final = frozenset({"LessOrEqual", "Less", "Equal", "Greater", "GreaterOrEqual", "And", "Or", "Xor", "Not"})


def mapped(function: Function, tensor: Tensor) -> Tensor:
    """Return a function of each number."""
    return computed(Map(function, tensor.node), tensor.shape, tensor.dtype)


def with_number(function: Function, node: Node, number: float) -> Node:
    """Return a function of each number and one constant."""
    return MapConstant(function, node, np.full(node.width, float(number)))


def paired(function: Function, left: Tensor, right: Tensor, *, rounds: bool = False) -> Tensor:
    """Return a function of two tensors' numbers, broadcast; one of them is not a constant."""
    shape = np.broadcast_shapes(left.shape, right.shape)
    if left.constant is not None and function in _REVERSED:
        left, right, function = right, left, _REVERSED[function]
    left = broadcast(left, shape)
    if right.constant is None or left.constant is not None:
        second = right.node if right.size == 1 else broadcast(right, shape).node
        return computed(MapPair(function, left.node, second), shape, left.dtype)
    constants = np.broadcast_to(right.constant.astype(np.float64), shape).reshape(-1)
    return computed(MapConstant(function, left.as_scaled, constants, rounds=rounds), shape, left.dtype)


@operator(*_FUNCTIONS)
def _function(given: Operator) -> Tensor:
    return mapped(_FUNCTIONS[given.name], given.input())


@operator(*_PAIRS)
def _pair(given: Operator) -> Tensor:
    result = given.input(0)
    given.require(given.name != "Div" or result.dtype.kind == "f", "of whole numbers")
    for index in range(1, len(given.inputs)):
        rounds = given.rounds and result.dtype == np.float32
        result = paired(_PAIRS[given.name], result, given.input(index), rounds=rounds)
    dtype = np.dtype(np.bool_) if given.name in _TRUTHS else result.dtype
    return computed(result.as_scaled, result.shape, dtype)


@operator("Xor")
def _xor(given: Operator) -> Tensor:
    equal = paired(Function.EQUAL, given.input(0), given.input(1))
    return computed(with_number(Function.REVERSE_SUBTRACT, equal.node, 1), equal.shape, np.bool_)


@operator("Not")
def _not(given: Operator) -> Tensor:
    given_one = given.input()
    return computed(with_number(Function.REVERSE_SUBTRACT, given_one.node, 1), given_one.shape, np.bool_)


@operator("IsNaN")
def _is_missing(given: Operator) -> Tensor:
    return computed(Map(Function.IS_MISSING, given.input().node), given.input().shape, np.bool_)


@operator("Where")
def _where(given: Operator) -> Tensor:
    shape = np.broadcast_shapes(*(given.input(index).shape for index in range(3)))
    parts = [broadcast(given.input(index), shape) for index in range(3)]
    node = Choose(Concatenate(tuple(part.node for part in parts)))
    return computed(node, shape, parts[1].dtype)


@operator("Relu")
def _relu(given: Operator) -> Tensor:
    node = given.input().node
    if isinstance(node, Convolution) and given.used_once and node.least < 0:
        node = Convolution(node.source, node.window, node.weights, node.base, node.groups, least=0.0)
        return computed(node, given.input().shape, given.input().dtype)
    return mapped(Function.RELU, given.input())


@operator("Clip")
def _clip(given: Operator) -> Tensor:
    result = given.input()
    for index, name, function in ((1, "min", Function.MAXIMUM), (2, "max", Function.MINIMUM)):
        bound = given.attribute(name, None)
        if given.has(index):
            bound = float(given.constant(index).reshape(-1)[0])
        if bound is not None:
            result = computed(with_number(function, result.node, bound), result.shape, result.dtype)
    return result


@operator("Cast")
def _cast(given: Operator) -> Tensor:
    return _converted(given, np.dtype(helper.tensor_dtype_to_np_dtype(given.attributes["to"])))


@operator("CastLike")
def _cast_like(given: Operator) -> Tensor:
    return _converted(given, given.input(1).dtype)


def _converted(given: Operator, dtype: np.dtype[Any]) -> Tensor:
    tensor = given.input()
    if tensor.constant is not None:
        return constant(tensor.constant.astype(dtype))
    if dtype.kind == "f":
        given.require(dtype in (np.float32, np.float64), f"to {dtype}")
        return Tensor(tensor.shape, dtype, source=tensor.as_scaled)
    given.require(dtype.kind in "ib", f"to {dtype}")
    if tensor.dtype.kind == "b" or (dtype.kind == "i" and tensor.dtype.kind == "i"):
        return computed(tensor.node, tensor.shape, dtype)
    if dtype.kind == "b":
        return computed(_not_zero(tensor.node), tensor.shape, dtype)
    return whole(tensor, dtype)


def whole(tensor: Tensor, dtype: Any = np.int64) -> Tensor:
    """Return the numbers cut off to whole ones, towards zero."""
    size = Map(Function.FLOOR, Map(Function.ABSOLUTE, tensor.node))
    return computed(MapPair(Function.MULTIPLY, Map(Function.SIGN, tensor.node), size), tensor.shape, dtype)


def _not_zero(node: Node) -> Node:
    return with_number(Function.REVERSE_SUBTRACT, with_number(Function.EQUAL, node, 0), 1)


def _scaled(node: Node, factor: float) -> Node:
    return node if factor == 1 else with_number(Function.MULTIPLY, node, factor)


def _negative_part(node: Node) -> Node:
    return with_number(Function.MINIMUM, node, 0)


def _with_negative(node: Node, negative: Node) -> Node:
    return MapPair(Function.ADD, Map(Function.RELU, node), negative)


def _hard_sigmoid(node: Node, alpha: float, beta: float) -> Node:
    line = with_number(Function.ADD, _scaled(node, alpha), beta)
    return with_number(Function.MINIMUM, with_number(Function.MAXIMUM, line, 0), 1)


def _gelu(given: Operator, x: Node) -> Node:
    if given.attribute("approximate", "none") == "tanh":
        cubic = MapPair(Function.MULTIPLY, x, with_number(Function.ADD, _scaled(Map(Function.SQUARE, x), 0.044715), 1))
        part = Map(Function.TANH, _scaled(cubic, np.sqrt(2 / np.pi)))
    else:
        part = Map(Function.ERROR_FUNCTION, _scaled(x, np.sqrt(0.5)))
    return MapPair(Function.MULTIPLY, _scaled(x, 0.5), with_number(Function.ADD, part, 1))


def _selu(given: Operator, x: Node) -> Node:
    alpha, gamma = given.attribute("alpha", 1.6732632423543772), given.attribute("gamma", 1.0507009873554805)
    return _scaled(_with_negative(x, _scaled(Map(Function.EXPONENTIAL_M1, _negative_part(x)), alpha)), gamma)


def _celu(given: Operator, x: Node) -> Node:
    alpha = given.attribute("alpha", 1.0)
    return _with_negative(x, _scaled(Map(Function.EXPONENTIAL_M1, _scaled(_negative_part(x), 1 / alpha)), alpha))


def _times(x: Node, other: Node) -> Node:
    return MapPair(Function.MULTIPLY, x, other)


_ACTIVATIONS: Final[dict[str, Callable[[Operator, Node], Node]]] = {
    "LeakyRelu": lambda given, x: _with_negative(x, _scaled(_negative_part(x), given.attribute("alpha", 0.01))),
    "Elu": lambda given, x: _with_negative(
        x, _scaled(Map(Function.EXPONENTIAL_M1, _negative_part(x)), given.attribute("alpha", 1.0))
    ),
    "Selu": _selu,
    "Celu": _celu,
    "Gelu": _gelu,
    "HardSigmoid": lambda given, x: _hard_sigmoid(x, given.attribute("alpha", 0.2), given.attribute("beta", 0.5)),
    "HardSwish": lambda _, x: _times(x, _hard_sigmoid(x, 1 / 6, 0.5)),
    "Swish": lambda given, x: _times(x, Map(Function.SIGMOID, _scaled(x, given.attribute("alpha", 1.0)))),
    "Mish": lambda _, x: _times(x, Map(Function.TANH, Map(Function.SOFTPLUS, x))),
    "Softsign": lambda _, x: MapPair(Function.DIVIDE, x, with_number(Function.ADD, Map(Function.ABSOLUTE, x), 1)),
    "ThresholdedRelu": lambda given, x: _times(x, with_number(Function.GREATER, x, given.attribute("alpha", 1.0))),
}


@operator(*_ACTIVATIONS)
def _activation(given: Operator) -> Tensor:
    tensor = given.input()
    return computed(_ACTIVATIONS[given.name](given, tensor.node), tensor.shape, tensor.dtype)


@operator("PRelu")
def _parametric_relu(given: Operator) -> Tensor:
    tensor = given.input()
    negative = computed(_negative_part(tensor.node), tensor.shape, tensor.dtype)
    slope = given.input(1)
    if len(slope.shape) == 1 and slope.size not in {1, tensor.shape[-1]}:  # of the channels, before operator set 7
        slope = reshaped(slope, (slope.size, *[1] * (len(tensor.shape) - 2)))
    sloped = paired(Function.MULTIPLY, negative, slope)
    return computed(_with_negative(tensor.node, sloped.node), tensor.shape, tensor.dtype)
