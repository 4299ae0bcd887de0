"""A stream's own variance between windows, steadied by that of its like.

A device's few windows say little about how much its windows vary; all devices together say
much. The moderated variance is their weighted mean, with the weight that the scatter
between devices suggests. It has more degrees of freedom than the device's own.

Source: Smyth, Linear models and empirical Bayes methods, 2004, doi:10.2202/1544-6115.1027.
"""

from dataclasses import dataclass
from functools import cache
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
_EXACT: Final = 1e-9
_SAMPLE = 2000
"""Devices that the prior is learned from: its error is then 2 %."""


@dataclass(frozen=True, eq=False)
class OwnScale:
    """How many times its sampling variance each stream of each device varies between windows."""

    variance: Floats
    """(n, K): moderated."""
    freedom: Floats
    """(n, K): degrees of freedom of the scores that are divided by it."""


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
    told = freedom >= _FEW_WINDOWS
    known = told.sum(axis=0)
    enough = known >= FEW_DEVICES
    bias, noise = (table[freedom.astype(np.intp)] for table in _of_counts(int(freedom.max(initial=0.0))))
    logs = np.where(told, np.log(np.maximum(squares, 1e-6)) - bias, 0.0)
    mean = logs.sum(axis=0, dtype=np.float64) / np.maximum(known, 1)
    scatter = (np.where(told, logs - mean, 0.0) ** 2).sum(axis=0) / np.maximum(known - 1, 1)
    scatter -= np.where(told, noise, 0.0).sum(axis=0) / np.maximum(known, 1)
    freedom_of_prior = np.where(enough, np.clip(2.0 * _inverse_trigamma(scatter), 1.0, _MOST), _ALONE)
    shift = digamma(freedom_of_prior / 2.0) - np.log(freedom_of_prior / 2.0)
    pooled = (squares.sum(axis=0, dtype=np.float64) + 1.0) / (freedom.sum(axis=0, dtype=np.float64) + 1.0)
    return np.where(enough, np.exp(mean + shift), pooled), freedom_of_prior


@cache
def _of_counts(most: int) -> tuple[Floats, Floats]:
    """Return mean and variance of the logarithm of a sum of so many squared standard normal scores, from 0 on."""
    half = np.maximum(np.arange(most + 1), 1.0) / 2.0
    return (digamma(half) + np.log(2.0)).astype(np.float32), polygamma(1, half).astype(np.float32)


def _inverse_trigamma(value: Floats) -> Floats:
    """Solve ``trigamma(x) = value`` by Newton's method; as large as can be where the value is not positive."""
    v = np.maximum(value, 2.0 / _MOST)
    x = 0.5 + 1.0 / v
    for _ in range(20):
        trigamma = polygamma(1, x)
        move = trigamma * (1.0 - trigamma / v) / polygamma(2, x)
        x += move
        if (np.abs(move) <= _EXACT * x).all():
            break
    return x
