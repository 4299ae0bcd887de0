"""Small expressions that many lowerings are made of."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from compiler.ir.nodes import Concatenate, Linear, MapConstant, MapPair, Node, Reduce, Select
from device_contract.plan.format import Function, Reduction


def with_constant(function: Function, source: Node, constant: ArrayLike) -> Node:
    """Return a function of the source and a constant: one number for all, or (width,)."""
    return MapConstant(function, source, np.array(np.broadcast_to(np.asarray(constant, np.float64), (source.width,))))


def matrix(source: Node, weights: ArrayLike, base: ArrayLike = 0.0, center: ArrayLike = 0.0) -> Linear:
    """Return ``base + weights @ (source - center)``; base and center may be one number for all."""
    table = np.atleast_2d(np.asarray(weights, np.float64))
    bases = np.broadcast_to(np.asarray(base, np.float64).reshape(-1), (len(table),))
    centers = np.broadcast_to(np.asarray(center, np.float64).reshape(-1), (table.shape[1],))
    return Linear(source, table, np.array(centers), np.array(bases))


def clipped(source: Node, low: ArrayLike, high: ArrayLike) -> Node:
    """Return the source held between two bounds; NaN stays NaN."""
    return with_constant(Function.MINIMUM, with_constant(Function.MAXIMUM, source, low), high)


def total(parts: Sequence[Node]) -> Node:
    """Return the sum of nodes of one width, in their order."""
    sum_so_far = parts[0]
    for part in parts[1:]:
        sum_so_far = MapPair(Function.ADD, sum_so_far, part)
    return sum_so_far


def mean(parts: Sequence[Node]) -> Node:
    """Return the mean of nodes of one width."""
    return with_constant(Function.DIVIDE, total(parts), len(parts)) if len(parts) > 1 else parts[0]


def joined(parts: Sequence[Node]) -> Node:
    """Return nodes one after the other."""
    return Concatenate(tuple(parts)) if len(parts) > 1 else parts[0]


def one_hot(position: Node, count: int) -> Node:
    """Return 1 at a position and 0 elsewhere, (count,); only zeros where it is no position."""
    return with_constant(Function.EQUAL, Select(position, (0,) * count), np.arange(count))


def normalized(scores: Node) -> Node:
    """Return scores divided by their sum; all equal where that is 0."""
    denominator = Reduce(Reduction.SUM, scores)
    is_zero = with_constant(Function.EQUAL, denominator, 0.0)
    shares = MapPair(Function.DIVIDE, scores, MapPair(Function.ADD, denominator, is_zero))
    # A sum of zero is one of zeros.
    return MapPair(Function.ADD, shares, with_constant(Function.DIVIDE, is_zero, scores.width))


def missing_unless(condition: Node, source: Node) -> Node:
    """Return the source where a condition, as wide, is 1, and NaN where it is 0."""
    return MapPair(Function.DIVIDE, MapPair(Function.MULTIPLY, source, condition), condition)
