"""How extreme values cluster in a stream whose neighbouring rows resemble each other.

Of a Gaussian series with correlation r, values beyond a high quantile resemble each other
less than the values do. By how much the count of them varies more than that of independent
rows follows from the bivariate normal distribution, whose derivative by its correlation is its
density (Plackett); it is summed over the lags once, for each of a grid of correlations.

Source: Plackett, A reduction formula for normal multivariate integrals, 1954,
    doi:10.1093/biomet/41.3-4.351.
"""

from functools import cache
from typing import Final

import numpy as np
from scipy.special import ndtri

from detectors.arrays import Floats

_TAIL: Final = 0.005
"""Share of the values in a tail: beyond the 0.5 % or the 99.5 % quantile."""
_HIGHEST: Final = 0.999
_LAGS: Final = 5000


def tail_effect(correlation: Floats, rows: Floats) -> Floats:
    """Return by how much the count of values in a tail varies more than that of independent rows.

    Args:
        correlation: Of neighbouring rows; any shape.
        rows: Rows in the window, of a shape that fits.

    Returns:
        At least 1, at most half of the rows.
    """
    grid, effects = _table()
    return np.clip(np.interp(correlation, grid, effects), 1.0, np.maximum(rows / 2.0, 1.0))


@cache
def _table() -> tuple[Floats, Floats]:
    fine = np.linspace(0.0, _HIGHEST, 4000)
    quantile = -ndtri(_TAIL)
    density = np.exp(-(quantile**2) / (1.0 + fine)) / (2.0 * np.pi * np.sqrt(1.0 - fine**2))
    joint = np.concatenate([[0.0], np.cumsum((density[1:] + density[:-1]) / 2.0 * np.diff(fine))])
    alike = joint / (_TAIL * (1.0 - _TAIL))  # correlation of two indicators whose values correlate by ``fine``
    grid = 1.0 - np.geomspace(1.0, 1.0 - _HIGHEST, 64)
    lags = np.arange(1, _LAGS)
    return grid, np.array([1.0 + 2.0 * np.interp(correlation**lags, fine, alike).sum() for correlation in grid])
