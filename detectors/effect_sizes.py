"""How large a difference from training is, by the measures that the field knows; they never alarm.

Fixed thresholds on them alarm on 30 to 100 % of healthy devices, since their expectation
without drift depends on the number of rows and bins.
"""

import math
from typing import Final

import numpy as np

from detectors.arrays import Bools, Floats
from detectors.reference import Reference
from detectors.windows import WindowArrays, over_bins, weighted

EFFECT_SIZES: Final = (
    "population_stability_index",
    "jensen_shannon_distance",
    "wasserstein_sd",
    "mean_shift_sd",
)
"""The Jensen-Shannon distance is to base 2, from 0 to 1; the Wasserstein distance is that of the two
histograms, with the rows of a bin at its middle; it and the mean's shift are in training deviations."""
_NOTHING = 1e-30
_LARGEST = 1e30  # of what float32 holds
_HALF_ROW = 0.5  # keeps an empty bin from making a measure infinite


def effect_sizes(reference: Reference, window: WindowArrays) -> Floats:
    """Compare all bins of each stream with training's.

    Args:
        reference: What training says.
        window: The devices' windows.

    Returns:
        (n, S, 4), in the order of ``EFFECT_SIZES``; NaN for a stream without a finite value.
    """
    expected = _shares(reference.shares * reference.rows[:, None], reference.bins)
    observed = _shares(window.counts, reference.bins)
    deviation = np.where(reference.deviation > 0.0, reference.deviation, 1.0)
    difference, logs, usual = observed - expected, _logs(observed), _logs(expected)
    distance = np.abs(difference @ np.triu(np.ones((difference.shape[2],) * 2, np.float32)))[..., :-1]  # cumulated
    sizes = np.stack(
        [
            over_bins(difference * (logs - usual)),
            _jensen_shannon((expected, usual), (observed, logs)),
            weighted(distance, _widths(reference, deviation)),
            np.clip((window.mean - reference.mean) / deviation, -_LARGEST, _LARGEST),
        ],
        axis=-1,
        dtype=np.float32,
        casting="same_kind",
    )
    return np.where((window.finite > 0)[..., None], sizes, np.float32(np.nan))


def _shares(counts: Floats, bins: Bools) -> Floats:
    smoothed = np.where(bins, counts + _HALF_ROW, 0.0).astype(np.float32)
    shares: Floats = smoothed / smoothed.sum(axis=-1, keepdims=True)
    return shares


def _logs(shares: Floats) -> Floats:
    logs: Floats = np.log(np.maximum(shares, _NOTHING))  # a bin that a stream does not have counts for nothing
    return logs


def _jensen_shannon(a: tuple[Floats, Floats], b: tuple[Floats, Floats]) -> Floats:
    """Return the distance of shares, each with their logarithms."""
    middle = _logs((a[0] + b[0]) / 2.0)
    divergence = over_bins(a[0] * (a[1] - middle)) + over_bins(b[0] * (b[1] - middle))
    distance: Floats = np.sqrt(np.maximum(divergence / 2.0 / math.log(2.0), 0.0))
    return distance


def _widths(reference: Reference, deviation: Floats) -> Floats:
    """Return how far apart the bins' rows are, (S, B - 1); what lies beyond the first or last edge is at that edge."""
    edges = reference.edges
    middles = np.concatenate([edges[:, :1], (edges[:, :-1] + edges[:, 1:]) / 2.0, edges[:, -1:]], axis=1)
    widths: Floats = (np.diff(middles, axis=-1) / deviation[:, None]).astype(np.float32)
    return widths
