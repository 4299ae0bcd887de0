"""Do the rows lie otherwise than usual in the few directions in which the features move together?

T2 tells rows that are extreme in the usual directions, Q rows that break the usual relations
(``device_contract.projection``). The value is the logarithm of a window's mean relative to
training's: both are sums of squares, so their mean errs by a share of itself.
"""

import numpy as np

from detectors.arrays import Floats
from detectors.design_effect import design_effect
from detectors.reference import Reference
from detectors.windows import WindowArrays

_FEWEST_ROWS = 10.0
_LEAST = 1e-9
"""Of training's mean, what a mean counts as at least."""


def projection(reference: Reference, window: WindowArrays) -> tuple[Floats, Floats]:
    """Return the values of T2 and Q, and their sampling variances, (n, 2) each.

    Args:
        reference: What training says.
        window: The devices' windows.

    Returns:
        Two arrays; the variance is infinite where nothing can be said.
    """
    rows = np.maximum(window.projected[:, [0]], 1.0)
    mean, square = window.projected[:, [1, 3]] / rows, window.projected[:, [2, 4]] / rows
    told = (window.projected[:, [0]] >= _FEWEST_ROWS) & (mean > 0.0) & (reference.projected > 0.0)
    told &= window.sound[:, None]
    held = np.where(told, np.maximum(mean, _LEAST * reference.projected), 1.0)
    value = np.log(held / np.where(reference.projected > 0.0, reference.projected, 1.0))
    spread = np.clip(square / held**2 - 1.0, 0.0, rows)  # one row alone may hold all of the sum
    variance = spread * design_effect(reference.projected_lag1, rows) / rows
    return np.where(told, value, 0.0), np.where(told, np.maximum(variance, 1e-6), np.inf)
