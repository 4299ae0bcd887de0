"""How much devices differ, beyond what is not known of each.

The variance between devices that makes their estimates, each with an error of its own, most
likely: precise devices tell it, and vague ones hardly count. A few devices are steadied by
what devices usually differ by, and no device counts as more than ``_FAR`` deviations.

Source: Morris, Parametric empirical Bayes inference, 1983, doi:10.1080/01621459.1983.10477920.
"""

from typing import Final

import numpy as np

from detectors.arrays import Bools, Floats

_USUAL: Final = 0.05
"""Training standard deviations."""
_DEVICES: Final = 4.0
"""What is usual weighs as much as so many devices without error."""
_FAR: Final = 3.0
_ROUNDS: Final = 5
_LEAST: Final = 1e-8
_SAMPLE: Final = 2000
"""Devices that are asked at most: the error is then 3 %."""


def variance_between(estimate: Floats, error: Floats, known: Bools) -> Floats:
    """Return the variance of what is estimated of each device, (S,).

    Args:
        estimate: (n, S), about 0.
        error: (n, S), its variance, above 0.
        known: (n,), devices that count.
    """
    between = np.full(estimate.shape[1], _USUAL**2)
    asked = np.flatnonzero(known)
    if len(asked) > _SAMPLE:
        asked = asked[:: len(asked) // _SAMPLE]
    squares, error = estimate[asked] ** 2, error[asked]
    for _ in range(_ROUNDS):
        total = error + between
        weight = total**-2.0
        excess = np.minimum(squares, _FAR**2 * total) - error
        worth = _DEVICES / np.maximum(between, _USUAL**2) ** 2
        between = ((weight * excess).sum(axis=0) + worth * _USUAL**2) / (weight.sum(axis=0) + worth)
        between = np.maximum(between, _LEAST)
    return between
