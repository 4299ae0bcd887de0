"""How large a difference is, by the measures that the field knows; they never alarm.

Fixed thresholds on them alarm on 30 to 100 % of healthy devices, since their expectation
without drift depends on the number of rows and bins.
"""

import math
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from device_contract.baseline import StreamBaseline
from device_contract.sketches.stream import StreamSketch

_HALF_ROW = 0.5  # keeps an empty bin from making a measure infinite

Floats = NDArray[np.float64]


class EffectSizes(TypedDict):
    """The measures of one window of a stream, against training."""

    population_stability_index: float
    jensen_shannon_distance: float
    """Base 2: 0 to 1."""
    mean_shift_sd: float
    """In training standard deviations."""
    wasserstein_sd: float
    """Of the two histograms, in training standard deviations, with the rows of a bin at its middle."""


def effect_sizes(stream: StreamBaseline, window: StreamSketch) -> EffectSizes:
    """Compare all bins of a window with at least one finite value to training's."""
    expected, observed = _shares(stream.counts), _shares(window.counts)
    deviation = stream.standard_deviation or 1.0
    return EffectSizes(
        population_stability_index=float(np.sum((observed - expected) * np.log(observed / expected))),
        jensen_shannon_distance=_jensen_shannon(expected, observed),
        mean_shift_sd=(window.mean - stream.mean) / deviation,
        wasserstein_sd=float(np.abs(np.cumsum(observed - expected))[:-1] @ np.diff(_middles(stream))) / deviation,
    )


def _shares(counts: tuple[int, ...]) -> Floats:
    smoothed = np.asarray(counts, np.float64) + _HALF_ROW
    shares: Floats = smoothed / smoothed.sum()
    return shares


def _jensen_shannon(a: Floats, b: Floats) -> float:
    middle = (a + b) / 2.0
    divergence = float(np.sum(a * np.log2(a / middle)) + np.sum(b * np.log2(b / middle))) / 2.0
    return math.sqrt(max(divergence, 0.0))


def _middles(stream: StreamBaseline) -> Floats:
    edges = np.asarray(stream.edges, np.float64)
    return np.concatenate([edges[:1], (edges[:-1] + edges[1:]) / 2.0, edges[-1:]])
