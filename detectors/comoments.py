"""Did the relation between two features break?

About once a day a device sends its features' correlations. Each, as its inverse hyperbolic
tangent, is held against the device's own past, less the movement of its group. The statistic
is the largest of all pairs, scored as the largest of so many.

Source: Fisher, On the probable error of a coefficient of correlation, 1921; the largest of
    many: Šidák, 1967, doi:10.1080/01621459.1967.10482935.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri_exp

from detectors.arrays import Bools, Floats
from detectors.design_effect import long_run_effect
from detectors.reference import Reference
from detectors.windows import WindowArrays

FEWEST_ROWS: Final = 30.0
_HIGHEST: Final = 0.999


@dataclass(frozen=True, eq=False)
class Pairs:
    """The correlations of ``P`` pairs of features in ``n`` windows, on the scale on which their errors are alike."""

    value: Floats
    """(n, P)."""
    deviation: Floats
    """(n, P): of the value by sampling."""
    rows: Floats
    """(n,): rows in it."""
    told: Bools
    """(n,): whether they are enough to tell anything."""


def pairs(reference: Reference, window: WindowArrays, correlation: Floats) -> Pairs | None:
    """Return what a window says of each pair; None where no device says anything.

    Args:
        reference: What training says.
        window: The devices' windows.
        correlation: (n, S), of neighbouring rows.
    """
    told = window.related_rows >= FEWEST_ROWS
    if not told.any() or not window.correlations.shape[1]:
        return None
    first, second = reference.pairs
    rows = window.related_rows.astype(np.float32)
    effect = long_run_effect(correlation[:, first] * correlation[:, second], rows[:, None])
    variance = effect / np.maximum(rows[:, None] - 3.0 * effect, 1.0)
    return Pairs(related(window.correlations), np.sqrt(variance), rows, told)


def related(correlations: Floats) -> Floats:
    """Return correlations on the scale on which their errors are alike."""
    held = np.clip(correlations, -_HIGHEST, _HIGHEST)
    scale: Floats = 0.5 * np.log((1.0 + held) / (1.0 - held))  # arctanh would take thrice as long
    return scale


def largest(scores: Floats) -> tuple[Floats, NDArray[np.intp]]:
    """Return the score of the largest of all pairs, and which pair it is, (n,) each.

    Args:
        scores: (n, P), standard scores.
    """
    pair = np.abs(scores).argmax(axis=1)
    most = np.abs(scores[np.arange(len(scores)), pair]).astype(np.float64)
    none_larger = scores.shape[1] * np.log1p(-np.minimum(2.0 * ndtr(-most), 1.0 - 1e-12))
    tail = np.log(np.maximum(-np.expm1(none_larger), 1e-300))
    return -ndtri_exp(np.minimum(tail, -1e-9)), pair
