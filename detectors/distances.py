"""How far two histograms with the same edges are apart: effect sizes of two groups of windows.

Between the edges nothing is known of the rows; they count as spread evenly from the least to
the greatest value. Against that, what is found at the edges is exact. None of these alarms: without any
difference they grow as the rows get fewer.
"""

import math
from dataclasses import dataclass

import numpy as np

from detectors.arrays import Floats

_HALF_ROW = 0.5  # keeps an empty bin from making a measure infinite


@dataclass(frozen=True, eq=False)
class Histogram:
    """At least one finite value of one stream, counted.

    Attributes:
        edges: (k,), ascending; bin ``i`` holds what is at least ``edges[i - 1]`` and less than ``edges[i]``.
        counts: (k + 1,).
        minimum: The least value.
        maximum: The greatest value.
    """

    edges: Floats
    counts: Floats
    minimum: float
    maximum: float

    def distribution(self) -> tuple[Floats, Floats]:
        """Return the cumulative distribution: values that do not descend, and the share of rows up to each."""
        values = np.clip(np.concatenate([[self.minimum], self.edges, [self.maximum]]), self.minimum, self.maximum)
        return values, np.concatenate([[0.0], np.cumsum(self.counts) / self.counts.sum()])


def population_stability_index(a: Histogram, b: Histogram) -> float:
    """Return the sum of ``(b - a) ln(b / a)`` over the shares of the bins.

    Source: Siddiqi, Credit Risk Scorecards, 2006.
    """
    expected, observed = _smoothed(a), _smoothed(b)
    return float(((observed - expected) * np.log(observed / expected)).sum())


def stability_index_of_equals(a: Histogram, b: Histogram) -> float:
    """Return what the index is on average between two samples of one distribution, of independent rows.

    Source: Yurdakul, Statistical Properties of Population Stability Index, 2018.
    """
    filled = np.count_nonzero(a.counts + b.counts)
    return float((filled - 1) * (1.0 / a.counts.sum() + 1.0 / b.counts.sum()))


def jensen_shannon_distance(a: Histogram, b: Histogram) -> float:
    """Return the distance to base 2, from 0 to 1.

    Source: Endres and Schindelin, A new metric for probability distributions, 2003.
    """
    one, other = _smoothed(a), _smoothed(b)
    middle = (one + other) / 2.0
    divergence = (one * np.log2(one / middle)).sum() + (other * np.log2(other / middle)).sum()
    return math.sqrt(max(float(divergence) / 2.0, 0.0))


def kolmogorov_smirnov_distance(a: Histogram, b: Histogram) -> float:
    """Return the largest difference of the two distributions at an edge; between the edges it may be larger."""
    difference = np.cumsum(a.counts) / a.counts.sum() - np.cumsum(b.counts) / b.counts.sum()
    return float(np.abs(difference).max())


def wasserstein_distance(a: Histogram, b: Histogram) -> float:
    """Return the area between the two distributions, in the stream's own unit."""
    grid = np.unique(np.concatenate([a.distribution()[0], b.distribution()[0]]))
    if len(grid) == 1:
        return 0.0
    below, above = _shares_beside(a, grid), _shares_beside(b, grid)
    starts, ends = below[1][:-1] - above[1][:-1], below[0][1:] - above[0][1:]
    return float((np.diff(grid) * _mean_size(starts, ends)).sum())


def quantiles(histogram: Histogram, shares: Floats) -> Floats:
    """Return the values below which these shares of the rows lie."""
    values, cumulated = histogram.distribution()
    filled = np.concatenate([[True], np.diff(cumulated) > 0.0])
    at_edges: Floats = np.interp(shares, cumulated[filled], values[filled])
    return at_edges


def _smoothed(histogram: Histogram) -> Floats:
    counts = histogram.counts + _HALF_ROW
    shares: Floats = counts / counts.sum()
    return shares


def _shares_beside(histogram: Histogram, grid: Floats) -> tuple[Floats, Floats]:
    """Return the distribution just before and just after each point: they differ where many rows have one value."""
    values, cumulated = histogram.distribution()
    first, last = np.searchsorted(values, grid, "left"), np.searchsorted(values, grid, "right") - 1
    between: Floats = np.interp(grid, values, cumulated)
    met = (first < len(values)) & (values[np.minimum(first, len(values) - 1)] == grid)
    before = np.where(met, cumulated[np.minimum(first, len(values) - 1)], between)
    after = np.where(met, cumulated[np.maximum(last, 0)], between)
    return before, after


def _mean_size(starts: Floats, ends: Floats) -> Floats:
    """Return the mean of the absolute value of lines from ``starts`` to ``ends``."""
    spread = np.abs(starts) + np.abs(ends)
    crossing = (starts * starts + ends * ends) / (2.0 * np.where(spread > 0.0, spread, 1.0))
    sizes: Floats = np.where(starts * ends < 0.0, crossing, spread / 2.0)
    return sizes
