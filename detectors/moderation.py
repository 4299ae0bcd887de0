"""A stream's own variance between windows, steadied by that of its like.

A device's few windows say little about how much its windows vary; all devices together say
much. The moderated variance is their weighted mean, with the weight that the scatter
between devices suggests. It has more degrees of freedom than the device's own.

Source: Smyth, Linear models and empirical Bayes methods, 2004, doi:10.2202/1544-6115.1027.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.special import digamma, polygamma

from detectors.arrays import Floats

FEW_DEVICES: Final = 8
_FEW_WINDOWS = 4.0
_ALONE: Final = 8.0
"""Prior degrees of freedom where there are too few devices to learn from."""
_MOST: Final = 50.0
"""Prior degrees of freedom at most: however alike devices seem, their scores are not quite Gaussian."""
_SAMPLE = 2000
"""Devices that the prior is learned from: its error is then 2 %."""


@dataclass(frozen=True, eq=False)
class OwnScale:
    """How many times its sampling variance each stream of each device varies between windows."""

    variance: Floats
    """(n, K): moderated."""
    freedom: Floats
    """(n, K): degrees of freedom of it."""


def prior(squares: Floats, freedom: Floats) -> tuple[Floats, Floats]:
    """Learn the prior of each column's variance from all devices.

    Args:
        squares: (n, K), sums of squared scores.
        freedom: (n, K), how many each.

    Returns:
        The prior's variance and its degrees of freedom, each (K,).
    """
    if len(squares) > _SAMPLE:
        chosen = np.linspace(0, len(squares) - 1, _SAMPLE).astype(np.intp)
        squares, freedom = squares[chosen], freedom[chosen]
    half = np.where(freedom >= _FEW_WINDOWS, freedom, np.nan) / 2.0
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log(np.maximum(squares, 1e-6) / (2.0 * half)) - digamma(half) + np.log(half)
        known = (~np.isnan(logs)).sum(axis=0)
        enough = known >= FEW_DEVICES
        mean = np.nansum(logs, axis=0) / np.maximum(known, 1)
        scatter = np.nansum((logs - mean) ** 2, axis=0) / np.maximum(known - 1, 1)
        scatter -= np.nansum(polygamma(1, half), axis=0) / np.maximum(known, 1)
    freedom_of_prior = np.where(enough, np.clip(2.0 * _inverse_trigamma(scatter), 1.0, _MOST), _ALONE)
    shift = digamma(freedom_of_prior / 2.0) - np.log(freedom_of_prior / 2.0)
    pooled = (squares.sum(axis=0) + 1.0) / (freedom.sum(axis=0) + 1.0)
    return np.where(enough, np.exp(mean + shift), pooled), freedom_of_prior


def _inverse_trigamma(value: Floats) -> Floats:
    """Solve ``trigamma(x) = value`` by Newton's method; as large as can be where the value is not positive."""
    v = np.maximum(value, 2.0 / _MOST)
    x = 0.5 + 1.0 / v
    for _ in range(20):
        trigamma = polygamma(1, x)
        x += trigamma * (1.0 - trigamma / v) / polygamma(2, x)
    return x
