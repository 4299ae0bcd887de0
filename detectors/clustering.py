"""How extreme values cluster in a stream whose neighbouring rows resemble each other.

Of a Gaussian series with correlation r, values beyond a high quantile resemble each other
less than the values do, and the less the higher it is. By how much the count of them varies
more than that of independent rows follows from the bivariate normal distribution, whose
derivative by its correlation is its density (Plackett); it is summed over the lags once, for a
grid of correlations and of shares.

Source: Plackett, A reduction formula for normal multivariate integrals, 1954,
    doi:10.1093/biomet/41.3-4.351.
"""

import math
from functools import cache
from typing import Final

import numpy as np
from scipy.special import ndtri

from detectors.arrays import Floats, Indices

_LEAST: Final = 0.001
_SHARES: Final = np.geomspace(_LEAST, 0.256, 9)
"""Of the rows that are in the tail: each twice the one before."""
_HIGHEST: Final = 0.999
_CORRELATIONS: Final = 64
_LAGS: Final = 5000


def tail_effect(correlation: Floats, rows: Floats, share: Floats | float = 0.005) -> Floats:
    """Return by how much the count of values in a tail varies more than that of independent rows.

    Args:
        correlation: Of neighbouring rows; any shape.
        rows: Rows in the window, of a shape that fits.
        share: Of the rows that are in the tail, of a shape that fits.

    Returns:
        At least 1, at most half of the rows.
    """
    distance = np.log(np.clip(1.0 - correlation, 1.0 - _HIGHEST, 1.0)) / math.log(1.0 - _HIGHEST)
    column, right = _place(distance * (_CORRELATIONS - 1), _CORRELATIONS)
    row, below = _place(np.log2(np.maximum(share, _LEAST) / _LEAST), len(_SHARES))
    table = _table()
    upper = table[row, column] * (1.0 - right) + table[row, column + 1] * right
    lower = table[row + 1, column] * (1.0 - right) + table[row + 1, column + 1] * right
    effect: Floats = np.clip(upper * (1.0 - below) + lower * below, 1.0, np.maximum(rows / 2.0, 1.0))
    return effect


def _place(at: Floats, size: int) -> tuple[Indices, Floats]:
    """Return the grid's line before a place, and the part of the way to the next."""
    line = np.clip(np.floor(at), 0, size - 2).astype(np.intp)
    return line, np.clip(at - line.astype(at.dtype), 0.0, 1.0)


@cache
def _table() -> Floats:
    """Return the effects, (shares, correlations)."""
    grid = 1.0 - np.geomspace(1.0, 1.0 - _HIGHEST, _CORRELATIONS)
    return np.array([_effects(share, grid) for share in _SHARES], np.float32)


def _effects(share: float, grid: Floats) -> Floats:
    fine = np.linspace(0.0, _HIGHEST, 4000)
    quantile = -ndtri(share)
    density = np.exp(-(quantile**2) / (1.0 + fine)) / (2.0 * np.pi * np.sqrt(1.0 - fine**2))
    joint = np.concatenate([[0.0], np.cumsum((density[1:] + density[:-1]) / 2.0 * np.diff(fine))])
    alike = joint / (share * (1.0 - share))  # correlation of two indicators whose values correlate by ``fine``
    effects = np.ones(len(grid))
    for place, correlation in enumerate(grid):
        far = min(_LAGS, int(np.log(1e-4) / np.log(max(correlation, 1e-3))) + 2)  # beyond, nothing is alike
        effects[place] += 2.0 * np.interp(correlation ** np.arange(1, far), fine, alike).sum()
    return effects
