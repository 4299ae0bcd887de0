"""Which of many findings to look at first, and which to sign off in one look.

A chart's level is made for looking at every window. Where somebody looks once, at a report of
one window over thousands of streams, the findings are ranked by their probability, and those
are called real of which at most a share is expected to be chance.

Source: Benjamini and Hochberg, Controlling the false discovery rate, 1995,
    doi:10.1111/j.2517-6161.1995.tb02031.x; it holds for correlated sensors too: Benjamini and
    Yekutieli, 2001, doi:10.1214/aos/1013699998.
"""

import numpy as np
from scipy.special import log_ndtr

from detectors.arrays import Floats


def adjusted(probabilities: Floats) -> Floats:
    """Return for each probability the least share of false discoveries at which it is one.

    Args:
        probabilities: Of findings at least as extreme without drift; any shape, NaN left out.
    """
    flat = probabilities.ravel()
    order = np.argsort(flat, kind="stable")  # NaN last
    known = int((~np.isnan(flat)).sum())
    told = np.full(flat.shape, np.nan)
    ranked = flat[order[:known]] * known / np.arange(1, known + 1)
    told[order[:known]] = np.minimum(np.minimum.accumulate(ranked[::-1])[::-1], 1.0)
    return told.reshape(probabilities.shape)


def discovery_rates(scores: Floats) -> Floats:
    """Return for each score the least share of false discoveries at which it is one.

    Args:
        scores: In standard deviations of a healthy chart; any shape, NaN left out.
    """
    return adjusted(2.0 * np.exp(log_ndtr(-np.abs(scores))))
