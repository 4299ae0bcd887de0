"""Do the scores come from other features than usual?

The features are ranked by their mean absolute contribution in the window, and the ranking is
held against training's contributions by nDCG: 1 if the order is training's; what stands high
in training and falls counts most. The field calls 0.9 a violation.

Sources: Järvelin and Kekäläinen, Cumulated gain-based evaluation of IR techniques, 2002,
    doi:10.1145/582415.582418; the rule is that of SageMaker Clarify.
"""

from typing import Final

import numpy as np

from detectors.arrays import Floats
from detectors.reference import Reference
from detectors.windows import WindowArrays

_FEWEST_ROWS: Final = 5.0
_DEVIATION: Final = 0.1
"""Guess of the standard deviation by a single explained row; the stream's own replaces it."""


def attribution(reference: Reference, window: WindowArrays) -> tuple[Floats, Floats]:
    """Return 1 less the nDCG of each window, and a guess of its sampling variance, (n, 1) each."""
    told = (window.explained >= _FEWEST_ROWS) & (reference.attributions.sum() > 0.0) & window.sound
    value = 1.0 - ndcg(reference.attributions, window.attributions) if told.any() else np.zeros(len(told))
    variance = _DEVIATION**2 / np.maximum(window.explained, 1.0)
    return np.where(told, value, 0.0)[:, None], np.where(told, variance, np.inf)[:, None]


def ndcg(usual: Floats, found: Floats) -> Floats:
    """Return how well the ranking of what was found gathers what is usual, (n,).

    Args:
        usual: (F,), gains; at least one above 0.
        found: (n, F), what the features are ranked by.
    """
    discount = 1.0 / np.log2(np.arange(len(usual)) + 2.0)
    ranked = usual[np.argsort(-found, axis=1, kind="stable")]
    gathered: Floats = ranked @ discount / (np.sort(usual)[::-1] @ discount)
    return gathered
