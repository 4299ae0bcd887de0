"""Sums over labelled rows of a regression, and the figures that follow from them.

Everything is a sum over rows, so windows and devices merge by addition. Labels are summed as
their distance from a pivot, training's mean, so that fourth powers keep their digits.
"""

import math
from collections.abc import Callable
from enum import IntEnum
from typing import Final

import numpy as np

from fleet_server.feedback.intervals import Estimate, Floats, Spread, positive, scaled, spread, symmetric


class _Sum(IntEnum):
    """Place in the vector of sums; each but the first two is of weight times what its name says."""

    ROWS = 0
    WEIGHT_SQUARES = 1
    WEIGHT = 2
    ERROR = 3
    ERROR_SIZE = 4
    ERROR_2 = 5
    ERROR_4 = 6
    LABEL = 7
    LABEL_2 = 8
    LABEL_3 = 9
    LABEL_4 = 10
    ERROR_2_LABEL = 11
    ERROR_2_LABEL_2 = 12


SIZE: Final = len(_Sum)
_LEAST_VARIANCE: Final = 1e-130
_LEAST_ERROR: Final = 1e-150  # the square of less is none in float64, and beside such a variance it is nothing


def sum_rows(labels: Floats, predictions: Floats, weights: Floats, pivot: float) -> Floats:
    """Sum labelled rows.

    Args:
        labels: (n_rows,), the truth.
        predictions: (n_rows,), what the model said.
        weights: (n_rows,), positive.
        pivot: Subtracted from the labels; the same for all sums that are to be merged.

    Returns:
        (``SIZE``,), which merges by addition.
    """
    error, label = predictions - labels, labels - pivot
    squared = error**2
    powers = [np.ones_like(label), error, np.abs(error), squared, squared**2]
    powers += [label, label**2, label**3, label**4, squared * label, squared * label**2]
    return np.array([len(labels), float(weights @ weights), *(float(weights @ power) for power in powers)])


def estimates(units: Floats) -> dict[str, Estimate]:
    """Find every figure that these sums define.

    Args:
        units: (n_units, ``SIZE``), each unit's sums; one unit where only rows are told apart.

    Returns:
        ``bias`` (prediction less label), ``mean_absolute_error``, ``root_mean_squared_error``
        in the label's unit, and ``r_squared`` unless all labels are equal.
    """
    sums = units.sum(axis=0)
    if not sums[_Sum.WEIGHT] > 0.0:
        return {}
    squared = _mean(units, _Sum.ERROR_2, _Sum.ERROR_4, positive)
    found = {
        "bias": _mean(units, _Sum.ERROR, _Sum.ERROR_2, symmetric),
        "mean_absolute_error": _mean(units, _Sum.ERROR_SIZE, _Sum.ERROR_2, positive),
        "root_mean_squared_error": Estimate(*(math.sqrt(end) for end in (squared.value, squared.low, squared.high))),
    }
    determined = _r_squared(units)
    return found | ({"r_squared": determined} if determined is not None else {})


def rows(sums: Floats) -> int:
    """Return how many rows these sums are of."""
    return int(sums[_Sum.ROWS])


def _mean(units: Floats, of: _Sum, squares: _Sum, bound: Callable[[float, Spread], Estimate]) -> Estimate:
    """Bound a weighted mean; the ratio of two sums (Cochran, Sampling techniques, 1977, chapter 6)."""
    sums = units.sum(axis=0)
    weight = sums[_Sum.WEIGHT]
    value = float(sums[of] / weight)
    variance = max(float(sums[squares] / weight) - value**2, 0.0) / _effective_rows(sums)
    contributions = (units[:, of] - value * units[:, _Sum.WEIGHT]) / weight
    return bound(value, spread(variance, contributions))


def _r_squared(units: Floats) -> Estimate | None:
    """Bound 1 less the ratio of error to variance, by the ratio's logarithm.

    A row's influence on that logarithm is e²/E(e²) - (y - E(y))²/V(y).
    """
    sums = units.sum(axis=0)
    moments = sums / sums[_Sum.WEIGHT]
    mean = moments[_Sum.LABEL]
    variance = float(moments[_Sum.LABEL_2] - mean**2)
    error = float(moments[_Sum.ERROR_2])
    # below this, equal labels differ by rounding alone
    if not variance > max(1e-12 * float(moments[_Sum.LABEL_2]), _LEAST_VARIANCE):
        return None
    if error < _LEAST_ERROR:
        return Estimate(1.0, 1.0, 1.0)
    mixed = moments[_Sum.ERROR_2_LABEL_2] - 2 * mean * moments[_Sum.ERROR_2_LABEL] + mean**2 * error
    influence_2 = moments[_Sum.ERROR_4] / error**2 - 2 * mixed / (error * variance) + _fourth(moments) / variance**2
    scatter = units[:, _Sum.LABEL_2] - 2 * mean * units[:, _Sum.LABEL] + mean**2 * units[:, _Sum.WEIGHT]
    contributions = (units[:, _Sum.ERROR_2] / error - scatter / variance) / sums[_Sum.WEIGHT]
    found = spread(max(float(influence_2), 0.0) / _effective_rows(sums), contributions)
    ratio = error / variance
    low, high = scaled(ratio, found.quantile * math.sqrt(found.variance))
    return Estimate(1 - ratio, 1 - high, 1 - low)


def _fourth(moments: Floats) -> float:
    """Return the fourth central moment of the labels."""
    first, second, third, fourth = moments[_Sum.LABEL : _Sum.LABEL_4 + 1]
    return float(fourth - 4 * first * third + 6 * first**2 * second - 3 * first**4)


def _effective_rows(sums: Floats) -> float:
    """Return the number of rows that weights leave (Kish, Survey sampling, 1965)."""
    return float(sums[_Sum.WEIGHT] ** 2 / sums[_Sum.WEIGHT_SQUARES])
