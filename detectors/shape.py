"""Are the bins filled otherwise than usual, beyond what location and spread explain?

Pearson's chi-square on the inner bins, which hold about as many training rows each: the one
binned statistic that is calibrated however few rows there are. The tails stay out, and so do
the two components that have channels of their own. The expectation is the device's own past,
moved as its group has moved.

Sources: Lancaster, The derivation and partition of chi-square in certain discrete
    distributions, 1949, doi:10.1093/biomet/36.1-2.117; for the rows' autocorrelation Rao and
    Scott, On chi-squared tests for multiway contingency tables, 1984, doi:10.1214/aos/1176346391.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from detectors.arrays import Floats
from detectors.design_effect import long_run_effect
from detectors.reference import Reference
from detectors.windows import WindowArrays, over_bins, weighted

_POWERS: Final = (3.0, 5.0, 8.0)
"""The j-th orthogonal component of an autocorrelated stream decays like the j-th power of its
correlation; of those that are left, these stand for all."""
FEWEST_BINS: Final = 4


@dataclass(frozen=True, eq=False)
class Shares:
    """The inner bins' shares of the rows of ``n`` devices."""

    share: Floats
    """(n, S, B): of the inner bins' rows; 0 in other bins."""
    rows: Floats
    """(n, S): rows in the inner bins; 0 where the window says nothing."""
    effect: Floats
    """(n, S): by how much a component's square exceeds that of independent rows, on average."""
    scatter: Floats
    """(n, S): how unequal the components are in that: squared coefficient of variation."""


def inner_shares(reference: Reference, window: WindowArrays, correlation: Floats) -> Shares:
    """Return the shares of the inner bins.

    Args:
        reference: What training says.
        window: The devices' windows.
        correlation: (n, S), of neighbouring rows.
    """
    counts = window.counts * reference.inner.astype(np.float32)
    rows = over_bins(counts)
    effects = np.stack([long_run_effect(correlation**power, rows) for power in _POWERS])
    mean = effects.mean(axis=0)
    told = reference.ordered & (reference.inner.sum(axis=1) >= FEWEST_BINS) & window.sound[:, None]
    told = told | (~reference.ordered & (reference.inner.sum(axis=1) > 1) & window.sound[:, None])
    share = counts / np.maximum(rows, 1.0)[..., None]
    return Shares(share, np.where(told, rows, 0.0), mean, effects.var(axis=0) / mean**2)


def shape_scores(reference: Reference, found: Shares, expected: Floats, known: Floats, tolerance: float) -> Floats:
    """Return how unusual the shares are, as standard scores (n, S); NaN where nothing can be said.

    Args:
        reference: What training says.
        found: The window's shares.
        expected: (n, S, B), what was expected.
        known: (n, S), of how many rows that was learned.
        tolerance: Chi-square distance that does not matter.
    """
    distance = _distance(reference, found.share - expected) - tolerance
    told = (found.rows > 0.0) & (known > 0.0)
    unit = found.effect * (1.0 / np.maximum(found.rows, 1.0) + 1.0 / np.maximum(known, 1.0)) * (1.0 + found.scatter)
    components = reference.inner.sum(axis=1, dtype=np.float32) - 1.0 - 2.0 * reference.ordered.astype(np.float32)
    freedom = np.maximum(components, 1.0) / (1.0 + found.scatter)
    spread = 2.0 / (9.0 * freedom)
    # Wilson and Hilferty: the cube root of a chi-square is nearly normal
    score = (np.cbrt(np.maximum(distance, 0.0) / unit / freedom) - (1.0 - spread)) / np.sqrt(spread)
    return np.where(told, score, np.nan)


def _distance(reference: Reference, difference: Floats) -> Floats:
    weight = np.where(reference.inner, 1.0 / np.maximum(reference.shares, 1e-9), 0.0).astype(np.float32)
    total = over_bins(difference**2 * weight)
    for component in reference.components:
        total = total - weighted(difference, component) ** 2
    distance: Floats = total
    return distance
