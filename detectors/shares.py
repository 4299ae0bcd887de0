"""Exact scores of counts: how unusual are k of n, where K of N were usual?

With a beta distribution for the usual share, k of n is beta-binomial. Its tail is summed up
term by term: normal approximations are wrong by factors where alarms are decided, one in
millions. The score is that of the mid-probability, which centres a discrete count.

Source: Lancaster, Significance tests in discrete distributions, 1961,
    doi:10.1080/01621459.1961.10482105 (mid-probability).
"""

import numpy as np
from scipy.special import gammaln, ndtri_exp

from detectors.arrays import Floats

_MOST_TERMS = 400
_NEGLIGIBLE = 1e-5
_PASS = 6
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
    up = k > mean
    at = gammaln(n + 1.0) - gammaln(k + 1.0) - gammaln(n - k + 1.0)
    at += gammaln(k + a) + gammaln(n - k + b) - gammaln(n + a + b) - gammaln(a) - gammaln(b) + gammaln(a + b)
    # the lower tail is the upper tail of the other rows
    total = _tail(np.where(up, k, n - k), n, np.where(up, a, b), np.where(up, b, a))
    probability = np.minimum(at + np.log(total), -1e-12)
    scores: Floats = np.where(up, -1.0, 1.0) * ndtri_exp(probability)
    return scores


def _tail(j: Floats, n: Floats, first: Floats, second: Floats) -> Floats:
    """Return the upper tail from j on relative to the probability of j, which itself counts half."""
    told, at = np.full(j.shape, 0.5), np.arange(j.size)
    total, term = told.copy(), np.ones(j.shape)
    for done in range(1, _MOST_TERMS + 1):
        left = np.maximum(n - j, 0.0)
        term = term * (left * (j + first)) / ((j + 1.0) * np.maximum(left - 1.0 + second, 1e-300))
        total += term
        if done % _PASS == 0:  # go on with those alone whose terms still matter
            told[at] = total
            open_ = term > _NEGLIGIBLE * total
            if not open_.any():
                break
            at, j, n, first, second = at[open_], j[open_], n[open_], first[open_], second[open_]
            total, term = total[open_], term[open_]
        j = j + 1.0
    told[at] = total
    return told


def _approximate(k: Floats, share: Floats, mean: Floats, variance: Floats) -> Floats:
    """Return normal scores, corrected for the skewness of the binomial part (Cornish and Fisher)."""
    z = (k - mean) / np.sqrt(variance)
    skewness = (1.0 - 2.0 * share) / np.sqrt(variance)
    return z - skewness * np.clip(z**2 - 1.0, -1.0, 48.0) / 6.0
