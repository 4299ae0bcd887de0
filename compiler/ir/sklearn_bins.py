"""scikit-learn's transformers that cut each feature into intervals: bins, quantiles, splines."""

from math import factorial
from typing import Any, Final, NamedTuple

import numpy as np
from scipy import stats
from sklearn.preprocessing import KBinsDiscretizer, QuantileTransformer, SplineTransformer

from compiler.errors import UnsupportedModelError
from compiler.ir.arithmetic import clipped, joined, one_hot, with_constant
from compiler.ir.nodes import Floats, Map, MapConstant, MapPair, Node, Select
from compiler.ir.piecewise import Pieces, Piecewise, broken_lines, steps
from compiler.ir.registry import lowers
from device_contract.plan.format import Function

_AT_BOUNDS: Final = 1e-7
"""What a quantile transformer takes for the least or greatest value lies so near to it."""


@lowers("transform", KBinsDiscretizer)
def _bins(discretizer: Any, source: Node) -> Node:
    edges = [np.asarray(each[1:-1], np.float64) for each in discretizer.bin_edges_]
    positions = steps(source, edges, [np.arange(len(each) + 1) for each in edges])
    if discretizer.encode == "ordinal":
        return positions
    counts = [int(count) for count in discretizer.n_bins_]
    return joined([one_hot(Select(positions, (column,)), count) for column, count in enumerate(counts)])


class _Line(NamedTuple):
    """A line from ``start`` on: ``value + slope * (x - origin)``."""

    start: float
    origin: float
    value: float
    slope: float


@lowers("transform", QuantileTransformer)
def _quantiles(transformer: Any, source: Node) -> Node:
    if not np.isfinite(transformer.quantiles_).all():
        raise UnsupportedModelError("step QuantileTransformer was fitted on a feature without values")
    is_normal = transformer.output_distribution == "normal"
    levels = np.asarray(transformer.references_, np.float64)
    pieces = tuple(_quantile_pieces(column, levels, is_normal=is_normal) for column in transformer.quantiles_.T)
    uniform = Piecewise(source, pieces)
    if not is_normal:
        return uniform
    least = _AT_BOUNDS - np.spacing(1)
    return clipped(Map(Function.NORMAL_QUANTILE, uniform), stats.norm.ppf(least), stats.norm.ppf(1 - least))


@lowers("inverse_transform", QuantileTransformer)
def _inverse_quantiles(transformer: Any, source: Node) -> Node:
    if transformer.output_distribution != "uniform":
        raise UnsupportedModelError("the inverse of a QuantileTransformer to normal is not one that a plan can express")
    levels = [np.asarray(transformer.references_, np.float64)] * source.width
    return broken_lines(source, levels, list(np.asarray(transformer.quantiles_, np.float64).T))


def _quantile_pieces(quantiles: Floats, levels: Floats, *, is_normal: bool) -> Pieces:
    """Return 0 up to the least quantile, 1 from the greatest on, lines between; a repeated one has its levels' mean."""
    quantiles = np.asarray(quantiles, np.float64)
    lowest, highest = quantiles[0], quantiles[-1]
    first = np.nextafter(lowest, np.inf)
    last = highest
    if is_normal:
        first = _first_where(lambda x: not x - _AT_BOUNDS < lowest, lowest + _AT_BOUNDS)
        last = _first_where(lambda x: bool(x + _AT_BOUNDS > highest), highest - _AT_BOUNDS)
    lines = _inside(_quantile_lines(quantiles, levels), first, max(first, last))
    origins = np.array([0.0, *(line.origin for line in lines)])
    coefficients = np.array([[0.0, 0.0], *([line.slope, line.value] for line in lines)])
    return Pieces(np.array([line.start for line in lines]), origins, coefficients[:, None, :])


def _quantile_lines(quantiles: Floats, levels: Floats) -> list[_Line]:
    knots, first, counts = np.unique(quantiles, return_index=True, return_counts=True)
    last = first + counts - 1
    lines = []
    for place, knot in enumerate(knots):
        start = knot
        if counts[place] > 1:
            mean = 0.5 * (levels[last[place]] + levels[first[place]])
            lines.append(_Line(knot, knot, mean, 0.0))
            start = np.nextafter(knot, np.inf)
        if place + 1 < len(knots):
            rise = levels[first[place + 1]] - levels[last[place]]
            lines.append(_Line(start, knot, levels[last[place]], rise / (knots[place + 1] - knot)))
    return lines


def _inside(lines: list[_Line], first: float, last: float) -> list[_Line]:
    """Return the lines from ``first`` on, and 1 from ``last`` on."""
    at_first = [line for line in lines if line.start <= first][-1:]
    begun = [line._replace(start=first) for line in at_first]
    return [*begun, *(line for line in lines if first < line.start < last), _Line(last, last, 1.0, 0.0)]


def _first_where(holds: Any, near: float) -> float:
    """Return the least float64 for which a condition holds that holds from there on."""
    while holds(near):
        near = np.nextafter(near, -np.inf)
    while not holds(near):
        near = np.nextafter(near, np.inf)
    return float(near)


@lowers("transform", SplineTransformer)
def _splines(transformer: Any, source: Node) -> Node:
    # Of low degrees scikit-learn takes the ends a knot further in for every feature but the first.
    continues_low_degree = transformer.extrapolation == "linear" and transformer.degree <= 1
    if transformer.extrapolation == "error" or continues_low_degree:
        raise UnsupportedModelError(
            f"step SplineTransformer of degree {transformer.degree} with extrapolation="
            f"{transformer.extrapolation!r} is not one that a plan can express"
        )
    splines = transformer.bsplines_
    if transformer.extrapolation == "periodic":
        source = _wrapped(source, splines)
    values: Node = Piecewise(source, tuple(_spline_pieces(each, transformer) for each in splines))
    if transformer.handle_missing == "zeros":
        values = with_constant(Function.REPLACE_MISSING, values, 0.0)
    if transformer.include_bias:
        return values
    per_feature = values.width // source.width
    return Select(values, tuple(place for place in range(values.width) if (place + 1) % per_feature))


def _wrapped(source: Node, splines: Any) -> Node:
    """Return each number moved by whole periods into its spline's range."""
    starts = np.array([spline.t[spline.k] for spline in splines])
    periods = np.array([spline.t[spline.t.size - spline.k - 1] for spline in splines]) - starts
    if (periods <= 0).any():
        raise UnsupportedModelError("step SplineTransformer was fitted on a feature that is constant")
    moved = MapConstant(Function.SUBTRACT, source, starts)
    turns = Map(Function.FLOOR, MapConstant(Function.DIVIDE, moved, periods))
    rest = MapPair(Function.SUBTRACT, moved, MapConstant(Function.MULTIPLY, turns, periods))
    return MapConstant(Function.ADD, rest, starts)


def _spline_pieces(spline: Any, transformer: Any) -> Pieces:
    least, greatest = spline.t[spline.k], spline.t[-spline.k - 1]
    knots = np.unique(spline.t[(spline.t >= least) & (spline.t <= greatest)])
    middles = (knots[:-1] + knots[1:]) / 2
    inner = [_taylor(spline, middle) for middle in middles]
    if transformer.extrapolation in {"continue", "periodic"}:
        return Pieces(knots[1:-1], middles, np.array(inner))
    keeps_slope = transformer.extrapolation == "linear"
    below, above = (_tail(_taylor(spline, end), keeps_slope=keeps_slope) for end in (least, greatest))
    edges = np.array([*knots[:-1], np.nextafter(greatest, np.inf)])
    return Pieces(edges, np.array([least, *middles, greatest]), np.array([below, *inner, above]))


def _taylor(spline: Any, origin: float) -> Floats:
    """Return the polynomials of the interval around a point, about it: (n_splines, degree + 1)."""
    terms = [np.asarray(spline(origin, nu=power), np.float64) / factorial(power) for power in range(spline.k + 1)]
    return np.stack(terms[::-1], axis=1)


def _tail(polynomials: Floats, *, keeps_slope: bool) -> Floats:
    """Return what a spline does beyond its range: a line, or a constant."""
    tail = np.zeros_like(polynomials)
    tail[:, -1] = polynomials[:, -1]
    if keeps_slope and polynomials.shape[1] > 1:
        tail[:, -2] = polynomials[:, -2]
    return tail
