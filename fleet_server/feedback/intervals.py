"""How sure a figure is: 95 % intervals for rows that come in clusters.

Rows of one device resemble each other, so intervals that take them for independent are too
narrow. Every figure here is a smooth function of sums, and so linear in them near its value:
what a *unit* (a device, or a window where there are few devices) adds to it is known, and the
scatter of the units' contributions is the figure's variance, whatever happens within a unit.
Where that is less than what independent rows would give, theirs is taken; with fewer than
``MIN_UNITS`` units only theirs is known.

Sources: linearisation for clusters: Binder, On the variances of asymptotically normal
    estimators from complex surveys, 1983, doi:10.2307/1402588; Wilson's interval with an
    effective number of trials: Franco et al., Comparative study of confidence intervals for
    proportions in complex sample surveys, 2019, doi:10.1093/jssam/smy019.
"""

import math
import sys
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri, stdtrit

Floats = NDArray[np.float64]

LEVEL: Final = 0.95
MIN_UNITS: Final = 10
"""Fewer say too little of the scatter between them."""
NORMAL_QUANTILE: Final = float(ndtri((1 + LEVEL) / 2))
_LARGEST_EXPONENT: Final = 700.0  # of what float64 holds


@dataclass(frozen=True)
class Estimate:
    """A figure with its interval.

    Args:
        value: The figure.
        low: Lower end of the interval.
        high: Upper end.
    """

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Spread:
    """The sampling variance of a figure.

    Args:
        variance: In the square of the figure's unit.
        effect: How many times the variance of as many independent rows that is, at least 1.
        quantile: Standard errors from the value to either end of the interval.
    """

    variance: float
    effect: float
    quantile: float


def spread(row_variance: float, contributions: Floats) -> Spread:
    """Find a figure's variance.

    Args:
        row_variance: What it would be if all rows were independent.
        contributions: (n_units,), what each unit adds to the figure; they add up to 0.
    """
    n_units = len(contributions)
    if n_units >= MIN_UNITS and row_variance > 0.0:
        clustered = n_units / (n_units - 1) * float(contributions @ contributions)
        if clustered > row_variance:
            return Spread(clustered, clustered / row_variance, float(stdtrit(n_units - 1, (1 + LEVEL) / 2)))
    return Spread(row_variance, 1.0, NORMAL_QUANTILE)


def wilson(share: float, trials: float, quantile: float = NORMAL_QUANTILE) -> Estimate:
    """Bound a share by Wilson's score interval.

    Args:
        share: Successes by trials, 0 to 1.
        trials: Their effective number, above 0.
        quantile: Of the standard error.

    Source: Wilson, Probable inference, 1927, doi:10.1080/01621459.1927.10502953.
    """
    squared = quantile**2 / trials
    middle = (share + squared / 2) / (1 + squared)
    half = quantile / (1 + squared) * math.sqrt(share * (1 - share) / trials + squared / (4 * trials))
    return Estimate(share, min(max(middle - half, 0.0), share), max(min(middle + half, 1.0), share))


def scaled(value: float, half: float) -> tuple[float, float]:
    """Return the ends of an interval on the scale of a positive value's logarithm, as far as float64 reaches."""
    factor = math.exp(min(half, _LARGEST_EXPONENT))
    return value / factor, min(value * factor, sys.float_info.max)


def symmetric(value: float, found: Spread) -> Estimate:
    """Bound a figure of any sign."""
    half = found.quantile * math.sqrt(found.variance)
    return Estimate(value, value - half, value + half)


def positive(value: float, found: Spread) -> Estimate:
    """Bound a figure that cannot be negative, on the scale of its logarithm; 0 has no interval but itself."""
    if value <= 0.0:
        return Estimate(value, value, value)
    return Estimate(value, *scaled(value, found.quantile * math.sqrt(found.variance) / value))
