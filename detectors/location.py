"""Is the middle of the values elsewhere?

The mean normal score: for a Gaussian stream the shift in training standard deviations, for
any other the shift that would move a Gaussian one as far. It bears heavy tails and wild
values, where the arithmetic mean would alarm on each.

Source: van der Waerden, Order tests for the two-sample problem, 1952.
"""

import numpy as np

from detectors.arrays import Floats
from detectors.design_effect import long_run_effect
from detectors.reference import Reference
from detectors.windows import WindowArrays, weighted


def location(reference: Reference, window: WindowArrays, correlation: Floats) -> tuple[Floats, Floats]:
    """Return each stream's location, and its sampling variance.

    Args:
        reference: What training says.
        window: The devices' windows.
        correlation: (n, S), of neighbouring rows.

    Returns:
        Two arrays (n, S); the variance is infinite where nothing can be said.
    """
    rows = window.finite
    value = weighted(window.counts, reference.scores) / np.maximum(rows, 1.0)
    variance = long_run_effect(correlation, rows) / np.maximum(rows, 1.0)
    return value, np.where(reference.ordered & (rows > 0), variance, np.inf)
