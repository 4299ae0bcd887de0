"""How many independent rows a window of sensor rows is worth.

Neighbouring rows of a sensor resemble each other, so n rows say less than n independent
ones. A test that ignores this alarms on most healthy streams.
"""

import numpy as np

from detectors.arrays import Floats

_HIGHEST = 0.999
_NOTHING = 1e-30


def design_effect(correlation: Floats, rows: Floats) -> Floats:
    """Return by how much the variance of a mean of ``rows`` exceeds that of independent rows.

    For a first-order autoregressive stream it is ``1 + 2 * sum((1 - k / n) * r**k)`` over
    the lags ``k`` of ``1 .. n - 1``, here summed up exactly. It lies between 1 and
    ``rows``. Negative correlation counts as none, which errs towards silence.

    Args:
        correlation: Of neighbouring rows, -1 to 1; any shape.
        rows: Rows in the window, of a shape that fits; less than 1 counts as 1.

    Source: Bayley and Hammersley, The "effective" number of independent observations in an
        autocorrelated time series, 1946, doi:10.2307/2983560.
    """
    r, n = np.clip(correlation, 0.0, _HIGHEST), np.maximum(rows, 1.0)
    distance = 1.0 - r
    faded = np.exp(n * np.log(np.maximum(r, _NOTHING)))  # r to the power of n, at a tenth of its cost
    effect = (1.0 + r) / distance - 2.0 * r * (1.0 - faded) / (n * distance**2)
    limited: Floats = np.clip(effect, 1.0, n)
    return limited


def long_run_effect(correlation: Floats, rows: Floats) -> Floats:
    """Return the same for a mean over many windows that follow each other.

    Such windows resemble each other at their ends, so a moving average of their means varies
    a little more than that of separate windows: as if they were one.

    Args:
        correlation: Of neighbouring rows, -1 to 1; any shape.
        rows: Rows in a window, of a shape that fits; the effect is no larger.
    """
    r = np.clip(correlation, 0.0, _HIGHEST)
    effect: Floats = np.minimum((1.0 + r) / (1.0 - r), np.maximum(rows, 1.0))
    return effect


def without_bias(correlation: Floats, rows: Floats) -> Floats:
    """Return a lag-1 correlation freed of what a short window takes from it.

    Args:
        correlation: As estimated from one window about its own mean.
        rows: Rows in that window.

    Source: Marriott and Pope, Bias in the estimation of autocorrelations, 1954,
        doi:10.1093/biomet/41.3-4.390: the estimate falls short by (1 + 3 r) / n.
    """
    n = np.maximum(rows, 10.0)
    corrected: Floats = np.clip((n * correlation + 1.0) / (n - 3.0), -1.0, _HIGHEST)
    return corrected
