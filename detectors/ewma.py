"""The control chart that gathers small shifts over several windows.

An exponentially weighted moving average of standard scores. Each score is limited to
``CAP``, so that one wild window never alarms by itself and a gross fault needs two.

Source: Lucas and Saccucci, Exponentially weighted moving average control schemes, 1990,
    doi:10.1080/00401706.1990.10484583.
"""

from typing import Final

import numpy as np

from detectors.arrays import Floats

WEIGHT: Final = 0.2
CAP: Final = 7.0
"""Less than level times ``SPREAD / WEIGHT``, which one window would need, for levels from 4.3 on."""
SPREAD: Final = (WEIGHT / (2.0 - WEIGHT)) ** 0.5
"""Standard deviation of the average of independent scores of standard deviation 1."""


def step(average: Floats, score: Floats, lowest: Floats) -> Floats:
    """Take in a window's scores.

    Args:
        average: (n, K), before.
        score: (n, K); NaN where the window says nothing: the average stays.
        lowest: (K,), below which an average does not fall.
    """
    move = WEIGHT * (np.clip(score, -CAP, CAP) - average)
    return np.maximum(average + np.where(np.isnan(score), 0.0, move), lowest)


def as_normal(ratio: Floats, freedom: Floats) -> Floats:
    """Return the standard normal score as rare as Student's t of these degrees of freedom.

    Args:
        ratio: An estimate divided by its estimated standard deviation.
        freedom: Degrees of freedom of that deviation, above 0; of a shape that fits.

    Source: Wallace, Bounds on normal approximations to Student's and the chi-square
        distributions, 1959, doi:10.1214/aoms/1177706100.
    """
    shrunk = (8.0 * freedom + 1.0) / (8.0 * freedom + 3.0)
    # log1p would take thrice as long, and differs only for ratios next to nothing
    signed: Floats = np.copysign(shrunk * np.sqrt(freedom * np.log(1.0 + ratio**2 / freedom)), ratio)
    return signed


def echo_factor(product: Floats) -> Floats:
    """Return by how much a moving average varies more when its scores are not independent.

    Args:
        product: The expected product of a score with the moving average before it, 0 if independent.

    It follows from ``variance = (1 - w)**2 * variance + w**2 + 2 * w * (1 - w) * product``.
    """
    return 1.0 + 2.0 * (1.0 - WEIGHT) / WEIGHT * np.maximum(product, 0.0)
