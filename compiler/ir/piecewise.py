"""Piecewise polynomials of each number: steps, broken lines, splines, tables of keys.

Every one is the same node. What is told apart at ``x <= t`` rather than ``x < t`` gets the
next float64 after ``t`` for a knot, for an interval starts at its knot.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from compiler.ir.nodes import Floats, MapConstant, Node, Unary
from device_contract.plan.format import Function


@dataclass(frozen=True, eq=False)
class Pieces:
    """The polynomials of one number, one set for each interval between its knots.

    Attributes:
        knots: float64 (n_knots,), ascending; interval j starts at knot j - 1.
        origins: float64 (n_knots + 1,); the polynomials are of the distance to them.
        coefficients: float64 (n_knots + 1, n_polynomials, degree + 1), the highest power first.
    """

    knots: Floats
    origins: Floats
    coefficients: Floats


@dataclass(frozen=True, eq=False)
class Piecewise(Unary):
    """Polynomials of each number of the source; all have as many, of the same degree. NaN stays NaN."""

    source: Node
    pieces: tuple[Pieces, ...]

    @property
    def width(self) -> int:
        """The polynomials of all numbers."""
        return sum(piece.coefficients.shape[1] for piece in self.pieces)


def steps(source: Node, edges: Sequence[ArrayLike], levels: Sequence[ArrayLike]) -> Piecewise:
    """Return for each number the level of the interval that it lies in: ``edge <= x < next edge``.

    Args:
        source: The numbers.
        edges: For each number, (n_edges,) ascending.
        levels: For each number, (n_edges + 1,).
    """
    return Piecewise(source, tuple(_constant(edge, level) for edge, level in zip(edges, levels, strict=True)))


def ranks(source: Node, thresholds: Sequence[Floats]) -> Piecewise:
    """Return for each number how many of its thresholds, ascending, lie below it: 0 where ``x <= thresholds[0]``."""
    edges = [np.nextafter(each, np.inf) for each in thresholds]
    return steps(source, edges, [np.arange(len(each) + 1) for each in edges])


def matches(
    source: Node, keys: Sequence[Floats], numbers: Sequence[Floats], otherwise: Floats, missing: Floats
) -> Node:
    """Return for each number what it stands for.

    Args:
        source: The numbers.
        keys: For each number, (n_keys,) in any order.
        numbers: For each number, (n_keys,): what the keys stand for.
        otherwise: What any other number stands for, (width,).
        missing: What NaN stands for, (width,).
    """
    pieces = tuple(_table(*each) for each in zip(keys, numbers, otherwise, strict=True))
    return MapConstant(Function.REPLACE_MISSING, Piecewise(source, pieces), missing)


def broken_lines(source: Node, knots: Sequence[Floats], values: Sequence[Floats]) -> Piecewise:
    """Return for each number the value of a line through points; that of the nearest point beyond them.

    Where a knot repeats, the line jumps there; the knot itself has the last of its values, as in ``numpy.interp``.

    Args:
        source: The numbers.
        knots: For each number, (n_knots,) ascending, none of them NaN.
        values: For each number, (n_knots,).
    """
    return Piecewise(source, tuple(_line(*each) for each in zip(knots, values, strict=True)))


def _constant(edges: ArrayLike, levels: ArrayLike) -> Pieces:
    knots, values = np.asarray(edges, np.float64), np.asarray(levels, np.float64)
    return Pieces(knots, np.zeros(len(values)), values.reshape(-1, 1, 1))


def _table(keys: Floats, numbers: Floats, otherwise: float) -> Pieces:
    order = np.argsort(keys, kind="stable")
    keys = np.asarray(keys, np.float64)[order]
    edges = np.stack([keys, np.nextafter(keys, np.inf)], axis=1).reshape(-1)
    levels = np.full(len(edges) + 1, otherwise, np.float64)
    levels[1::2] = np.asarray(numbers, np.float64)[order]
    return _constant(edges, levels)


def _line(knots: Floats, values: Floats) -> Pieces:
    with np.errstate(divide="ignore", invalid="ignore"):
        slopes = (values[1:] - values[:-1]) / (knots[1:] - knots[:-1])
    slopes = np.where(knots[1:] > knots[:-1], slopes, 0.0)
    coefficients = np.stack(
        [np.concatenate([[0.0], slopes, [0.0]]), np.concatenate([values[:1], values])],
        axis=1,
    )
    return Pieces(knots, np.concatenate([knots[:1], knots]), coefficients[:, None, :])
