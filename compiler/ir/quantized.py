"""Matrices of fewer bits: codes of 8 bits, or halves of 16, with a scale for each result.

The codes of a result are evenly spaced up to its largest weight (symmetric quantization).
Halves beside zero are rounded to zero, where they would lose digits and, on some processors,
time.
Source: Jacob et al. 2018, "Quantization and Training of Neural Networks for Efficient
Integer-Arithmetic-Only Inference", with float32 sums instead of integers.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from compiler.ir.fusion import MAX_DOT_WIDTH, simplify
from compiler.ir.nodes import Floats, Graph, Linear, Node, RefuseMissing, Row, Unary
from compiler.ir.rewriting import rewrite

WeightFormat = Literal["int8", "float16"]
_LARGEST_CODE = 127
_HALF = np.finfo(np.float16)


@dataclass(frozen=True, eq=False)
class QuantizedLinear(Unary):
    """``base + scale * (codes @ source)``.

    Attributes:
        codes: int8 or float16 (width, n_inputs).
        scale: float64 (width,), each a float32.
        base: float64 (width,).
    """

    source: Node
    codes: NDArray[np.int8] | NDArray[np.float16]
    scale: Floats
    base: Floats

    @property
    def width(self) -> int:
        """Number of results."""
        return len(self.base)

    def as_linear(self) -> Linear:
        """Return the same with weights of its own: what the codes stand for."""
        weights = self.codes.astype(np.float64) * self.scale[:, None]
        return Linear(self.source, weights, np.zeros(weights.shape[1]), self.base)


def quantize_dense(graph: Graph, weights: WeightFormat) -> Graph:
    """Return the model with the weights of its dense layers in fewer bits.

    A matrix of few results over the row stays: a plan sums it in float64.
    """

    def change(node: Node) -> Node:
        if not isinstance(node, Linear):
            return node
        simple = simplify(node)
        is_dense = isinstance(simple, Linear) and _is_dense(simple, single_precision=graph.single_precision)
        return _quantized(simple, weights) if isinstance(simple, Linear) and is_dense else node

    return rewrite(graph, change)


def with_weights(graph: Graph) -> Graph:
    """Return the model with each matrix of codes as one of weights: the same numbers, but for their rounding."""
    return rewrite(graph, lambda node: node.as_linear() if isinstance(node, QuantizedLinear) else node)


def _is_dense(node: Linear, *, single_precision: bool) -> bool:
    is_wide = len(node.base) > MAX_DOT_WIDTH
    is_of_row = isinstance(node.source, Row | RefuseMissing)
    return not node.center.any() and (is_wide or (single_precision and not is_of_row))


def _quantized(node: Linear, weights: WeightFormat) -> QuantizedLinear:
    largest = np.abs(node.weights).max(axis=1, initial=0.0)
    if weights == "int8":
        scale = _float32(np.where(largest > 0, largest / _LARGEST_CODE, 1.0))
        codes = np.clip(np.rint(node.weights / scale[:, None]), -_LARGEST_CODE, _LARGEST_CODE)
        return QuantizedLinear(node.source, codes.astype(np.int8), scale, node.base)
    scale = np.where(largest > float(_HALF.max), 2.0 ** np.ceil(np.log2(np.maximum(largest, 1.0))), 1.0)
    halves = (node.weights / scale[:, None]).astype(np.float16)
    halves[np.abs(halves) < _HALF.tiny] = 0
    return QuantizedLinear(node.source, halves, scale, node.base)


def _float32(values: Floats) -> Floats:
    return np.maximum(values.astype(np.float32), np.finfo(np.float32).tiny).astype(np.float64)
