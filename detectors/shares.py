"""Exact scores of counts: how unusual are k of n, where K of N were usual?

With a beta distribution for the usual share, k of n is beta-binomial. Its tail is summed up
term by term: normal approximations are wrong by factors where alarms are decided, one in
millions. The score is that of the mid-probability, which centres a discrete count.

Source: Lancaster, Significance tests in discrete distributions, 1961,
    doi:10.1080/01621459.1961.10482105 (mid-probability).
"""

import numpy as np
from scipy.special import ndtri_exp

from detectors.arrays import Floats
from detectors.tails import log_tails

_LARGE_VARIANCE = 400.0
_RARE = 0.01


def share_scores(count: Floats, trials: Floats, usual: Floats, unusual: Floats) -> Floats:
    """Return the standard score of a count, positive where it is more than usual.

    Args:
        count: k, 0 to n; it need not be whole (rows that resemble each other count less).
        trials: n.
        usual: First parameter of the beta distribution: such rows seen before, above 0.
        unusual: Second parameter: other rows seen before, above 0.

    Returns:
        Scores of the arguments' common shape; 0 where n is 0.
    """
    k, n, a, b = (np.asarray(values, np.float64) for values in np.broadcast_arrays(count, trials, usual, unusual))
    mean = n * a / (a + b)
    variance = mean * b / (a + b) * (a + b + n) / (a + b + 1.0)
    scores = np.zeros(k.shape)
    told = (n > 0.0) & ~((k == 0.0) & (mean < _RARE))
    wide = told & (variance > _LARGE_VARIANCE)
    scores[wide] = _approximate(k[wide], (a / (a + b))[wide], mean[wide], variance[wide])
    exact = told & ~wide
    scores[exact] = _summed(k[exact], n[exact], a[exact], b[exact], mean[exact])
    return scores


def _summed(k: Floats, n: Floats, a: Floats, b: Floats, mean: Floats) -> Floats:
    logs = np.empty(k.shape)
    log_tails(k, n, a, b, logs)
    scores: Floats = np.where(k > mean, -1.0, 1.0) * ndtri_exp(np.minimum(logs, -1e-12))
    return scores


def _approximate(k: Floats, share: Floats, mean: Floats, variance: Floats) -> Floats:
    """Return normal scores, corrected for the skewness of the binomial part (Cornish and Fisher)."""
    z = (k - mean) / np.sqrt(variance)
    skewness = (1.0 - 2.0 * share) / np.sqrt(variance)
    return z - skewness * np.clip(z**2 - 1.0, -1.0, 48.0) / 6.0
