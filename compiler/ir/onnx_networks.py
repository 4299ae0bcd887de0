"""ONNX operators of neural networks: matrices, convolutions, pools.

One axis of positions is what the kernels convolve directly. More axes are convolved as a
matrix: every window's inputs are gathered, and what is left is a convolution of width 1.
"""

import dataclasses
from dataclasses import dataclass
from functools import reduce
from math import prod

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from compiler.ir.networks import Convolution, Pad, Pool, Window
from compiler.ir.nodes import Floats, Linear, Map, MapConstant, MapPair, Node
from compiler.ir.onnx_elementwise import paired, with_number
from compiler.ir.onnx_reductions import reduced
from compiler.ir.onnx_registry import Lowered, Operator, operator
from compiler.ir.onnx_tensors import (
    Indices,
    Tensor,
    broadcast,
    computed,
    places,
    reshaped,
    select,
    transposed,
    with_constant,
)
from device_contract.plan.format import Function, Reduction


@operator("MatMul")
def _mat_mul(given: Operator) -> Tensor:
    left, right = given.input(0), given.input(1)
    if right.constant is not None and right.constant.ndim == 2:  # noqa: PLR2004  (a matrix)
        return matrix_product(left, right.constant.T.astype(np.float64), np.zeros(right.shape[1]))
    return _product(left, right)


@operator("Gemm")
def _gemm(given: Operator) -> Tensor:
    left = transposed(given.input(0), (1, 0)) if given.attribute("transA", 0) else given.input(0)
    right = transposed(given.input(1), (1, 0)) if given.attribute("transB", 0) else given.input(1)
    alpha, beta = given.attribute("alpha", 1.0), given.attribute("beta", 1.0)
    added = given.input(2) if given.has(2) and beta != 0 else None
    if right.constant is not None and (added is None or (added.constant is not None and added.size == right.shape[1])):
        base = np.zeros(right.shape[1]) if added is None else np.asarray(added.constant, np.float64).reshape(-1) * beta
        return matrix_product(left, right.constant.T.astype(np.float64) * alpha, base)
    result = _times(_product(left, right), alpha)
    return result if added is None else paired(Function.ADD, result, _times(added, beta))


def _times(tensor: Tensor, factor: float) -> Tensor:
    if factor == 1:
        return tensor
    return paired(Function.MULTIPLY, tensor, Tensor((), np.dtype(np.float64), constant=np.array(float(factor))))


def matrix_product(tensor: Tensor, weights: Floats, base: Floats) -> Tensor:
    """Return ``weights @ x + base`` of each vector x along the last axis; weights (outputs, inputs)."""
    outputs, inputs = weights.shape
    shape = (*tensor.shape[:-1], outputs)
    n_vectors = tensor.size // inputs
    if n_vectors == 1:
        return computed(Linear(tensor.as_scaled, weights, np.zeros(inputs), base), shape, tensor.dtype)
    turned = transposed(reshaped(tensor, (n_vectors, inputs)), (1, 0))
    product = Convolution(turned.node, Window(n_vectors, 1), weights[:, :, None], base)
    return reshaped(transposed(computed(product, (outputs, n_vectors), tensor.dtype), (1, 0)), shape)


def _product(left: Tensor, right: Tensor) -> Tensor:
    """Multiply two tensors as numpy's matmul does, term by term."""
    dtype = left.dtype
    seen_left = reshaped(left, (1, *left.shape)) if len(left.shape) == 1 else left
    seen_right = reshaped(right, (*right.shape, 1)) if len(right.shape) == 1 else right
    (m, k), n = seen_left.shape[-2:], seen_right.shape[-1]
    batch = np.broadcast_shapes(seen_left.shape[:-2], seen_right.shape[:-2])
    terms_left = broadcast(reshaped(seen_left, (*seen_left.shape[:-1], 1, k)), (*batch, m, n, k))
    columns = transposed(seen_right, (*range(len(seen_right.shape) - 2), -1, -2))
    terms_right = broadcast(reshaped(columns, (*columns.shape[:-2], 1, n, k)), (*batch, m, n, k))
    result = reduced(Reduction.SUM, paired(Function.MULTIPLY, terms_left, terms_right), (-1,))
    shape = (*batch, *((m,) if len(left.shape) > 1 else ()), *((n,) if len(right.shape) > 1 else ()))
    return dataclasses.replace(reshaped(result, shape), dtype=dtype)


@operator("BatchNormalization")
def _batch_normalization(given: Operator) -> list[Lowered]:
    """Lower to a factor and a shift of each channel, folded in float64 into the convolution or matrix before."""
    given.require(not given.attribute("training_mode", 0), "in training")
    tensor = given.input()
    scale, shift, mean, variance = (given.constant(index).astype(np.float64) for index in range(1, 5))
    factor = scale / np.sqrt(variance + given.attribute("epsilon", 1e-5))
    base, node = shift - mean * factor, tensor.node
    if isinstance(node, Convolution) and given.used_once and node.least == -np.inf:
        weights = node.weights * factor[:, None, None]
        folded: Node = dataclasses.replace(node, weights=weights, base=node.base * factor + base)
    elif isinstance(node, Linear) and given.used_once:
        folded = dataclasses.replace(node, weights=node.weights * factor[:, None], base=node.base * factor + base)
    else:
        rows, each = tensor.shape[0], tensor.size // len(factor) // tensor.shape[0]
        scaled = MapConstant(Function.MULTIPLY, node, np.tile(np.repeat(factor, each), rows))
        folded = MapConstant(Function.ADD, scaled, np.tile(np.repeat(base, each), rows))
    return [computed(folded, tensor.shape, tensor.dtype), None, None]


@dataclass(frozen=True)
class _Windows:
    """Windows over the axes of positions.

    Attributes:
        kernel: Taps on each axis.
        pads: Positions before and after each axis.
        extra: Positions after the pads, that only the rounding up of ``ceil_mode`` reaches.
    """

    kernel: tuple[int, ...]
    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    pads: tuple[tuple[int, int], ...]
    extra: tuple[int, ...]

    def over(self, grid: Indices, padding: int) -> Indices:
        """Return (channels, windows on each axis, taps on each axis) of a grid (channels, positions on each axis)."""
        ends = [(before, after + extra) for (before, after), extra in zip(self.pads, self.extra, strict=True)]
        padded = np.pad(grid, [(0, 0), *ends], constant_values=padding)
        reaches = [(taps - 1) * step + 1 for taps, step in zip(self.kernel, self.dilations, strict=True)]
        axes = tuple(range(1, padded.ndim))
        windows = sliding_window_view(padded, reaches, axis=axes)
        taken = (slice(None), *(slice(None, None, stride) for stride in self.strides))
        return windows[(*taken, *(slice(None, None, step) for step in self.dilations))]


def _windows(given: Operator, positions: tuple[int, ...], kernel: tuple[int, ...]) -> _Windows:
    rank = len(positions)
    strides = tuple(given.attribute("strides", [1] * rank))
    dilations = tuple(given.attribute("dilations", [1] * rank))
    reaches = [(taps - 1) * step + 1 for taps, step in zip(kernel, dilations, strict=True)]
    automatic = given.attribute("auto_pad", "NOTSET")
    flat = given.attribute("pads", [0] * (2 * rank))
    pads = list(zip(flat[:rank], flat[rank:], strict=True))
    if automatic in {"SAME_UPPER", "SAME_LOWER"}:
        wanted = [
            max(0, (-(-size // stride) - 1) * stride + reach - size)
            for size, stride, reach in zip(positions, strides, reaches, strict=True)
        ]
        pads = [(size // 2, size - size // 2) for size in wanted]
        pads = pads if automatic == "SAME_UPPER" else [pad[::-1] for pad in pads]
    elif automatic == "VALID":
        pads = [(0, 0)] * rank
    given.require(all(number >= 0 for pad in pads for number in pad), "with negative pads")
    extra = [0] * rank
    if given.attribute("ceil_mode", 0):
        for axis, (size, pad) in enumerate(zip(positions, pads, strict=True)):
            over = (size + sum(pad) - reaches[axis]) % strides[axis]
            # A window that starts after the input and the pads before it is left out.
            last = -(-(size + sum(pad) - reaches[axis]) // strides[axis]) * strides[axis]
            extra[axis] = strides[axis] - over if over and last < size + pad[0] else 0
    return _Windows(kernel, strides, dilations, tuple(pads), tuple(extra))


@operator("Conv")
def _conv(given: Operator) -> Tensor:
    tensor = given.input()
    weights = given.constant(1).astype(np.float64)
    base = given.constant(2).astype(np.float64) if given.has(2) else np.zeros(len(weights))
    groups = given.attribute("group", 1)
    given.require(tensor.shape[0] == 1, "over more than one row")
    positions = tensor.shape[2:]
    windows = _windows(given, positions, weights.shape[2:])
    if len(positions) == 1:
        node, length = _padded(tensor.node, positions[0], windows, 0.0)
        window = Window(length, windows.kernel[0], windows.strides[0], windows.dilations[0])
        convolution = Convolution(node, window, weights, base, groups)
        return computed(convolution, (1, len(base), window.positions), tensor.dtype)
    rank = len(positions)
    taken = windows.over(places(tensor)[0], tensor.size)
    counts = taken.shape[1 : 1 + rank]
    order = taken.transpose(0, *range(1 + rank, 1 + 2 * rank), *range(1, 1 + rank)).reshape(-1)
    columns = select(with_constant(tensor.node, 0.0), order)
    convolution = Convolution(columns, Window(prod(counts), 1), weights.reshape(len(base), -1, 1), base, groups)
    return computed(convolution, (1, len(base), *counts), tensor.dtype)


def _padded(node: Node, length: int, windows: _Windows, padding: float) -> tuple[Node, int]:
    """Return the node with its channels padded, and how long they are then."""
    before, after = windows.pads[0][0], windows.pads[0][1] + windows.extra[0]
    if before == after == 0:
        return node, length
    return Pad(node, length, before, after, padding), before + length + after


@operator("MaxPool", "AveragePool", "LpPool")
def _pool(given: Operator) -> list[Lowered]:
    tensor = given.input()
    windows = _windows(given, tensor.shape[2:], tuple(given.attributes["kernel_shape"]))
    if given.name == "MaxPool":
        return [_pooled(Reduction.GREATEST, tensor, windows, -np.inf), None]
    if given.name == "LpPool":
        return [_norm_pool(given, tensor, windows)]
    total = _pooled(Reduction.SUM, tensor, windows, 0.0)
    ones = np.ones((1, *tensor.shape[2:]), np.int64)
    if given.attribute("count_include_pad", 0):
        ones = np.pad(ones, [(0, 0), *windows.pads], constant_values=1)
        windows = dataclasses.replace(windows, pads=((0, 0),) * (len(tensor.shape) - 2))
    counts = windows.over(ones, 0).sum(axis=tuple(range(len(tensor.shape) - 1, 2 * len(tensor.shape) - 3)))
    divisors = np.broadcast_to(counts[None], total.shape).reshape(-1).astype(np.float64)
    return [computed(MapConstant(Function.DIVIDE, total.node, divisors), total.shape, tensor.dtype)]


def _norm_pool(given: Operator, tensor: Tensor, windows: _Windows) -> Tensor:
    """Take a norm of each window: the root of the sum of powers."""
    order = float(given.attribute("p", 2))
    powers = with_number(Function.POWER, Map(Function.ABSOLUTE, tensor.node), order)
    total = _pooled(Reduction.SUM, computed(powers, tensor.shape, tensor.dtype), windows, 0.0)
    return computed(with_number(Function.POWER, total.node, 1 / order), total.shape, total.dtype)


def _pooled(function: Reduction, tensor: Tensor, windows: _Windows, padding: float) -> Tensor:
    positions = tensor.shape[2:]
    if len(positions) == 1:
        node, length = _padded(tensor.node, positions[0], windows, padding)
        window = Window(length, windows.kernel[0], windows.strides[0], windows.dilations[0])
        return computed(Pool(function, node, window), (*tensor.shape[:2], window.positions), tensor.dtype)
    # Tap by tap: all taps of all windows at once may be more numbers than a workspace holds.
    taken = windows.over(places(tensor).reshape(-1, *positions), tensor.size)
    counts = taken.shape[1 : 1 + len(positions)]
    padded = with_constant(tensor.node, padding)
    taps = [select(padded, each) for each in taken.reshape(-1, prod(windows.kernel)).T]
    pair = Function.MAXIMUM if function == Reduction.GREATEST else Function.ADD
    pooled = reduce(lambda left, right: MapPair(pair, left, right), taps)
    return computed(pooled, (*tensor.shape[:2], *counts), tensor.dtype)


@operator("GlobalAveragePool", "GlobalMaxPool")
def _global_pool(given: Operator) -> Tensor:
    tensor = given.input()
    function = Reduction.MEAN if given.name == "GlobalAveragePool" else Reduction.GREATEST
    return reduced(function, tensor, tuple(range(2, len(tensor.shape))))
