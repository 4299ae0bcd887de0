"""Do the values lie further apart, or closer together?

The variance of the normal scores within the window: unlike their mean square it does not
move when the location does. Its cube root is nearly normal even when a window is worth only
a few independent rows.

Source: Wilson and Hilferty, The distribution of chi-square, 1931, doi:10.1073/pnas.17.12.684.
"""

import numpy as np

from detectors.arrays import Floats
from detectors.design_effect import design_effect, long_run_effect
from detectors.reference import Reference
from detectors.shifted import at
from detectors.windows import WindowArrays, weighted

_ROUGH = 4.0
_FEWEST = 2.0
"""Effective rows below which a window has no spread to speak of."""


def scale(reference: Reference, window: WindowArrays, correlation: Floats) -> tuple[Floats, Floats]:
    """Return the cube root of each stream's variance relative to training, less 1, and its sampling variance.

    What a shift alone would do to it is taken off.

    Args:
        reference: What training says.
        window: The devices' windows.
        correlation: (n, S), of neighbouring rows.

    Returns:
        Two arrays (n, S); the variance is infinite where nothing can be said.
    """
    rows = window.finite
    total = np.maximum(rows, 1.0)
    scores = reference.scores.astype(np.float32)
    mean = weighted(window.counts, scores) / total
    square = weighted(window.counts, scores**2) / total
    # the window's own mean follows its rows, and takes that much of their spread away
    kept = np.maximum(1.0 - design_effect(correlation, rows) / total, 1.0 / total)
    # squares of a Gaussian series with correlation r have correlation r squared
    independent = total / long_run_effect(correlation**2, rows) - 1.0
    freedom = independent * (2.0 / (reference.kurtosis - 1.0)).astype(np.float32)
    shrinkage = 2.0 / (9.0 * np.maximum(freedom, 1.0))
    value = np.cbrt(np.maximum(square - mean**2, 0.0) / kept) / (1.0 - shrinkage) - 1.0
    value -= at(reference.shifted.scale, reference.shifted.place(mean))
    # of a few effective rows the cube root is not quite normal, and its mean not quite 0
    variance = shrinkage * (1.0 + _ROUGH / np.maximum(freedom, 1.0))
    return value, np.where(reference.ordered & (independent >= _FEWEST), variance, np.inf)
