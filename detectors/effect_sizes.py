"""How large a difference from training is, by the measures that the field knows; they never alarm.

Fixed thresholds on them alarm on 30 to 100 % of healthy devices, since their expectation
without drift depends on the number of rows and bins.
"""

from typing import Final

import numpy as np

from detectors.arrays import Bools, Floats
from detectors.reference import Reference
from detectors.windows import WindowArrays

EFFECT_SIZES: Final = (
    "population_stability_index",
    "jensen_shannon_distance",
    "wasserstein_sd",
    "mean_shift_sd",
)
"""The Jensen-Shannon distance is to base 2, from 0 to 1; the Wasserstein distance is that of the two
histograms, with the rows of a bin at its middle; it and the mean's shift are in training deviations."""
_HALF_ROW = 0.5  # keeps an empty bin from making a measure infinite


def effect_sizes(reference: Reference, window: WindowArrays) -> Floats:
    """Compare all bins of each stream with training's.

    Args:
        reference: What training says.
        window: The devices' windows.

    Returns:
        (n, S, 4), in the order of ``EFFECT_SIZES``; NaN for a stream without a finite value.
    """
    expected = _shares(reference.shares * reference.rows[:, None], reference.bins).astype(np.float32)
    observed = _shares(window.counts, reference.bins)
    deviation = np.where(reference.deviation > 0.0, reference.deviation, 1.0)
    distance = np.abs(np.cumsum(observed - expected, axis=-1))[..., :-1]
    sizes = np.stack(
        [
            ((observed - expected) * _log_ratio(observed, expected)).sum(axis=-1),
            _jensen_shannon(expected, observed),
            np.einsum("nsb,sb->ns", distance, _widths(reference, deviation)),
            (window.mean - reference.mean) / deviation,
        ],
        axis=-1,
    )
    return np.where((window.finite > 0)[..., None], sizes, np.nan)


def _shares(counts: Floats, bins: Bools) -> Floats:
    smoothed = np.where(bins, counts + _HALF_ROW, 0.0)
    shares: Floats = smoothed / smoothed.sum(axis=-1, keepdims=True)
    return shares


def _log_ratio(a: Floats, b: Floats) -> Floats:
    both = (a > 0.0) & (b > 0.0)
    return np.log(np.where(both, a, 1.0) / np.where(both, b, 1.0))


def _jensen_shannon(a: Floats, b: Floats) -> Floats:
    middle = (a + b) / 2.0
    divergence = (a * _log_ratio(a, middle)).sum(axis=-1) + (b * _log_ratio(b, middle)).sum(axis=-1)
    distance: Floats = np.sqrt(np.maximum(divergence / 2.0 / np.log(2.0), 0.0))
    return distance


def _widths(reference: Reference, deviation: Floats) -> Floats:
    """Return how far apart the bins' rows are, (S, B - 1); what lies beyond the first or last edge is at that edge."""
    edges = reference.edges
    middles = np.concatenate([edges[:, :1], (edges[:, :-1] + edges[:, 1:]) / 2.0, edges[:, -1:]], axis=1)
    widths: Floats = (np.diff(middles, axis=-1) / deviation[:, None]).astype(np.float32)
    return widths
