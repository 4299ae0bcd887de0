"""ONNX operators that reduce axes, and those that are made of such: softmax, norms."""

from math import prod
from typing import Final

import numpy as np

from compiler.ir.networks import Pool, Window
from compiler.ir.nodes import BinarySigmoid, Map, MapConstant, MapPair, Node, Reduce, SigmoidNormalized, Softmax
from compiler.ir.onnx_elementwise import paired, with_number
from compiler.ir.onnx_registry import Operator, operator
from compiler.ir.onnx_tensors import Tensor, computed, reshaped, transposed
from device_contract.plan.format import Function, Reduction

_REDUCTIONS: Final = {
    "ReduceSum": Reduction.SUM,
    "ReduceMean": Reduction.MEAN,
    "ReduceMax": Reduction.GREATEST,
    "ReduceMin": Reduction.LEAST,
    "ReduceL1": Reduction.SUM_OF_ABSOLUTES,
    "ReduceL2": Reduction.SUM_OF_SQUARES,
    "ReduceSumSquare": Reduction.SUM_OF_SQUARES,
    "ReduceLogSum": Reduction.SUM,
    "ReduceLogSumExp": Reduction.LOG_SUM_EXP,
    "ArgMax": Reduction.POSITION_OF_GREATEST,
    "ArgMin": Reduction.POSITION_OF_LEAST,
}
_AFTERWARDS: Final = {"ReduceL2": Function.SQUARE_ROOT, "ReduceLogSum": Function.LOGARITHM}
_AXES_BY_INPUT: Final = 13
"""From this operator set on, softmax is over one axis, not over all from it on."""


def reduced(function: Reduction, tensor: Tensor, axes: tuple[int, ...]) -> Tensor:
    """Return a tensor with axes reduced to 1."""
    rank = len(tensor.shape)
    axes = tuple(sorted(axis % rank for axis in axes))
    kept = tuple(1 if axis in axes else size for axis, size in enumerate(tensor.shape))
    if axes != tuple(range(axes[0], axes[-1] + 1)):
        others = tuple(axis for axis in range(rank) if axis not in axes)
        tensor, axes = transposed(tensor, others + axes), tuple(range(len(others), rank))
    length, inner = prod(tensor.shape[axis] for axis in axes), prod(tensor.shape[axes[-1] + 1 :])
    return computed(_reduction(function, tensor.node, length, inner), kept, tensor.dtype)


def _reduction(function: Reduction, node: Node, length: int, inner: int) -> Node:
    if inner == 1 and function in {Reduction.SUM, Reduction.MEAN}:
        total = Pool(Reduction.SUM, node, Window(length, length))
        return total if function == Reduction.SUM else with_number(Function.DIVIDE, total, length)
    return Reduce(function, node, length, inner)


@operator(*_REDUCTIONS)
def _reduce(given: Operator) -> Tensor:
    tensor = given.input()
    if given.name.startswith("Arg"):
        given.require(not given.attribute("select_last_index", 0), "with select_last_index")
        axes: list[int] | None = [given.attribute("axis", 0)]
    else:
        axes = given.numbers("axes", 1)
        if not axes and given.attribute("noop_with_empty_axes", 0):
            return tensor
    rank = len(tensor.shape)
    axes = axes or list(range(rank))
    given.require(all(-rank <= axis < rank for axis in axes), "over an axis that is not there")
    result = reduced(_REDUCTIONS[given.name], tensor, tuple(axes))
    if given.name in _AFTERWARDS:
        result = computed(Map(_AFTERWARDS[given.name], result.node), result.shape, result.dtype)
    if given.name.startswith("Arg"):
        result = computed(result.node, result.shape, np.int64)
    if given.attribute("keepdims", 1):
        return result
    gone = {axis % rank for axis in axes}
    return reshaped(result, tuple(size for axis, size in enumerate(result.shape) if axis not in gone))


@operator("Softmax", "LogSoftmax")
def _softmax(given: Operator) -> Tensor:
    tensor = given.input()
    rank = len(tensor.shape)
    if given.version < _AXES_BY_INPUT:
        first = given.attribute("axis", 1) % rank
        axes = tuple(range(first, rank))
    else:
        axes = (given.attribute("axis", -1) % rank,)
    if given.name == "LogSoftmax":
        return paired(Function.SUBTRACT, tensor, reduced(Reduction.LOG_SUM_EXP, tensor, axes))
    if prod(tensor.shape[axis] for axis in axes) == tensor.size:
        return computed(Softmax(tensor.node), tensor.shape, tensor.dtype)
    shifted = paired(Function.SUBTRACT, tensor, reduced(Reduction.GREATEST, tensor, axes))
    powers = computed(Map(Function.EXPONENTIAL, shifted.node), tensor.shape, tensor.dtype)
    return paired(Function.DIVIDE, powers, reduced(Reduction.SUM, powers, axes))


@operator("Hardmax")
def _hardmax(given: Operator) -> Tensor:
    tensor, rank = given.input(), len(given.input().shape)
    axis = given.attribute("axis", -1 if given.version >= _AXES_BY_INPUT else 1) % rank
    given.require(given.version >= _AXES_BY_INPUT or axis == rank - 1, "over several axes")
    numbers = np.arange(tensor.shape[axis]).reshape([-1 if each == axis else 1 for each in range(rank)])
    first = reduced(Reduction.POSITION_OF_GREATEST, tensor, (axis,))
    wide = paired(Function.ADD, first, _zeros(tensor))
    constants = np.broadcast_to(numbers, tensor.shape).reshape(-1).astype(np.float64)
    return computed(MapConstant(Function.EQUAL, wide.node, constants), tensor.shape, tensor.dtype)


def _zeros(tensor: Tensor) -> Tensor:
    return Tensor(tensor.shape, tensor.dtype, constant=np.zeros(tensor.shape, np.float64))


@operator("Mean")
def _mean(given: Operator) -> Tensor:
    result = given.input(0)
    for index in range(1, len(given.inputs)):
        result = paired(Function.ADD, result, given.input(index))
    return computed(with_number(Function.DIVIDE, result.node, len(given.inputs)), result.shape, result.dtype)


def normalized(tensor: Tensor, axes: tuple[int, ...], epsilon: float, *, centred: bool = True) -> Tensor:
    """Return a tensor with mean 0 (where it is centred) and variance 1 over axes."""
    if centred:
        tensor = paired(Function.SUBTRACT, tensor, reduced(Reduction.MEAN, tensor, axes))
    square = computed(Map(Function.SQUARE, tensor.node), tensor.shape, tensor.dtype)
    variance = reduced(Reduction.MEAN, square, axes)
    deviation = Map(Function.SQUARE_ROOT, with_number(Function.ADD, variance.node, epsilon))
    return paired(Function.DIVIDE, tensor, computed(deviation, variance.shape, tensor.dtype))


@operator("LayerNormalization", "RMSNormalization")
def _layer_normalization(given: Operator) -> list[Tensor | None]:
    tensor = given.input()
    rank = len(tensor.shape)
    axes = tuple(range(given.attribute("axis", -1) % rank, rank))
    centred = given.name == "LayerNormalization"
    result = normalized(tensor, axes, given.attribute("epsilon", 1e-5), centred=centred)
    result = paired(Function.MULTIPLY, result, given.input(1)) if given.has(1) else result
    return [paired(Function.ADD, result, given.input(2)) if given.has(2) else result, None, None]


@operator("InstanceNormalization", "GroupNormalization")
def _group_normalization(given: Operator) -> Tensor:
    tensor = given.input()
    channels = tensor.shape[1]
    groups = channels if given.name == "InstanceNormalization" else given.attributes["num_groups"]
    seen = reshaped(tensor, (tensor.shape[0], groups, -(-tensor.size // groups // tensor.shape[0])))
    result = reshaped(normalized(seen, (2,), given.attribute("epsilon", 1e-5)), tensor.shape)
    given.require(given.constant(1).size == channels, "with scales for other than its channels")
    for index, function in ((1, Function.MULTIPLY), (2, Function.ADD)):
        values = given.constant(index).reshape(1, channels, *[1] * (len(tensor.shape) - 2))
        result = paired(function, result, Tensor(values.shape, values.dtype, constant=values))
    return result


@operator("Normalizer")
def _normalizer(given: Operator) -> Tensor:
    tensor, norm = given.input(), given.attribute("norm", "MAX")
    if norm == "L1" and isinstance(tensor.node, BinarySigmoid | Softmax | SigmoidNormalized):
        return tensor  # probabilities, which add up to 1 already
    function = {"L1": Reduction.SUM_OF_ABSOLUTES, "L2": Reduction.SUM_OF_SQUARES, "MAX": Reduction.GREATEST}[norm]
    return _by_norm(function, tensor, len(tensor.shape) - 1)


def _by_norm(function: Reduction, tensor: Tensor, axis: int) -> Tensor:
    """Divide by a norm along an axis; what is 0 stays 0."""
    size = reduced(function, tensor, (axis,))
    node = Map(Function.SQUARE_ROOT, size.node) if function == Reduction.SUM_OF_SQUARES else size.node
    or_one = MapPair(Function.ADD, node, with_number(Function.EQUAL, node, 0))
    return paired(Function.DIVIDE, tensor, computed(or_one, size.shape, size.dtype))


@operator("LpNormalization")
def _lp_normalization(given: Operator) -> Tensor:
    function = Reduction.SUM_OF_ABSOLUTES if given.attribute("p", 2) == 1 else Reduction.SUM_OF_SQUARES
    return _by_norm(function, given.input(), given.attribute("axis", -1))
