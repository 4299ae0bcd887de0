"""What a device's own past makes one expect of its next window.

The past's mean is shrunk towards the devices' common mean by as much as the scatter between
devices suggests, unless the device clearly stands apart: where devices are alike, little is
lost by knowing a device's past badly. The score is that of the difference from what was
expected before the window was seen, so the scores of a healthy stream are independent of
each other, and learning never has to end.

Sources: Hawkins, Self-starting CUSUM charts, 1987, doi:10.2307/2348827; Efron and Morris,
    Limiting the risk of Bayes and empirical Bayes estimators, 1972,
    doi:10.1080/01621459.1972.10481215 (shrinking no further than that).
"""

from typing import Final

import numpy as np

from detectors.arrays import Floats

_FAR: Final = 4.5
"""Standard deviations from which a device keeps its own mean: so many that hardly a device is there by
chance, since one that is will be expected where it is not."""


def expectation(center: Floats, precision: Floats, between: Floats, scale: Floats) -> tuple[Floats, Floats]:
    """Return what a device's next value should be, and the variance of that.

    Args:
        center: (n, M), mean of the past.
        precision: (n, M), sum of the reciprocal sampling variances in it; 0 before the first window.
        between: (M,), variance of the devices' means.
        scale: (n, M), how many times its sampling variance a stream varies.

    Returns:
        Two arrays (n, M).
    """
    error = scale / np.maximum(precision, 1e-12)
    keep = between / (between + error)
    apart = (np.abs(center) > _FAR * np.sqrt(between + error)) & (precision > 0.0)
    return np.where(apart, center, keep * center), np.where(apart, error, keep * error)


def learn(center: Floats, precision: Floats, value: Floats, weight: Floats) -> tuple[Floats, Floats]:
    """Take a window into the past.

    Args:
        center: (n, M), before.
        precision: (n, M), before.
        value: (n, M), of the window, the common movement taken off.
        weight: (n, M), its reciprocal sampling variance; 0 where it is not to be learned.

    Returns:
        The center and the precision after it.
    """
    total = precision + weight
    share = np.divide(weight, total, out=np.zeros_like(total), where=total > 0.0)
    return center + share * np.where(weight > 0.0, value - center, 0.0), total
