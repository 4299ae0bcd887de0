"""The five questions asked of a window of a stream, each answered by a standard score.

A score has mean about 0 and standard deviation at most about 1 while the stream behaves as
in training, also when its rows are autocorrelated. A difference inside the tolerance is
"significant but negligible": it is taken off before the score is computed, so that no
number of rows turns a harmless difference into an alarm.

==========  =============================================  =======================================
channel     question                                       tolerance
==========  =============================================  =======================================
location    is the mean elsewhere?                         0.2 standard deviations (Cohen's small)
spread      do the values lie further apart or closer?     0.2 in the mean squared normal score
shape       are the deciles filled unequally?              0.04 in chi-square distance (0.2 squared)
tails       are extreme values more frequent?              1 % of the rows
missing     are missing values more frequent?              1 % of the rows
==========  =============================================  =======================================
"""

import math
from typing import Final

import numpy as np
from scipy.special import bdtr, chndtr, ndtri

from device_contract.sketches.stream import StreamSketch
from fleet_server.drift.effective_size import design_effect
from fleet_server.drift.reference import Reference

SIGNED: Final = frozenset({"location", "spread"})
"""Channels that tell a direction; the others alarm on high scores only."""
TOLERANCE: Final = 0.2
"""Smallest shift that matters, in training standard deviations."""
SHARE_TOLERANCE: Final = 0.01
_LARGEST_SCORE = 8.0  # beyond this a float64 tail probability has no digits left


def scores(reference: Reference, window: StreamSketch) -> dict[str, float]:
    """Answer each question that this window can answer.

    Args:
        reference: What training says.
        window: The stream's sketch, of the same baseline.

    Returns:
        Channel to standard score; ``location`` and ``spread`` have a sign.
    """
    # training saw whole seasons; a short window cannot see how slow its stream is
    correlation = max(window.lag1_correlation, reference.stream.lag1_correlation, 0.0)
    answers: dict[str, float] = {}
    if window.finite and reference.stream.rows:
        answers["tails"] = tails(reference, window, correlation)
        if window.finite > sum(np.asarray(window.counts)[~reference.inner]):
            answers["shape"] = shape(reference, window, correlation)
        if reference.stream.kind == "number" and reference.stream.standard_deviation > 0.0:
            answers["location"] = location(reference, window, correlation)
            answers["spread"] = spread(reference, window, correlation)
    if window.finite + window.missing + window.infinite:
        answers["missing"] = missing(reference, window, correlation)
    return answers


def location(reference: Reference, window: StreamSketch, correlation: float) -> float:
    """Score the mean's distance from training's."""
    effect = (window.mean - reference.stream.mean) / reference.stream.standard_deviation
    return _beyond(effect, TOLERANCE) / math.sqrt(_variance_factor(reference, window.finite, correlation))


def spread(reference: Reference, window: StreamSketch, correlation: float) -> float:
    """Score how far out the values lie, whatever the stream's distribution.

    Each inner bin counts with the squared normal quantile of its middle.

    Source: Klotz, Nonparametric tests for scale, 1962, doi:10.1214/aoms/1177704576.
    """
    counts = np.asarray(window.counts, np.float64)[reference.inner]
    expected = float(reference.shares @ reference.spread_scores)
    variance = float(reference.shares @ (reference.spread_scores - expected) ** 2)
    if not counts.sum() or variance < 1e-12:  # noqa: PLR2004  (a single bin: nothing to spread over)
        return 0.0
    effect = float(counts @ reference.spread_scores) / counts.sum() - expected
    # squares of a Gaussian series with correlation r have correlation r squared
    factor = variance * _variance_factor(reference, int(counts.sum()), correlation**2)
    return _beyond(effect, TOLERANCE) / math.sqrt(factor)


def shape(reference: Reference, window: StreamSketch, correlation: float) -> float:
    """Score the inner bins by chi-square, corrected for autocorrelation by matching two moments.

    The j-th orthogonal component of the bins decays like the j-th power of the correlation,
    so each has a design effect of its own; the statistic is scaled by their mean and its
    degrees of freedom are shrunk by their scatter.

    Source: Rao and Scott, On chi-squared tests for multiway contingency tables, 1984,
        doi:10.1214/aos/1176346391; the tolerance as a noncentral null: Potgieter et al.,
        arXiv:2307.11878.
    """
    counts = np.asarray(window.counts, np.float64)[reference.inner]
    freedom = len(counts) - 1
    if freedom < 1:
        return 0.0
    distance = float(np.sum((counts / counts.sum() - reference.shares) ** 2 / reference.shares))
    rows = int(counts.sum())
    factors = [_variance_factor(reference, rows, correlation**power) for power in range(1, freedom + 1)]
    mean = float(np.mean(factors))
    scatter = 1.0 + float(np.var(factors)) / mean**2
    statistic = distance / (mean * scatter)
    noncentrality = TOLERANCE**2 / (mean * scatter)
    return _normal_score(float(chndtr(statistic, freedom / scatter, noncentrality)))


def tails(reference: Reference, window: StreamSketch, correlation: float) -> float:
    """Score the share of values beyond the 0.5 % and 99.5 % quantiles, exactly."""
    beyond = int(np.asarray(window.counts)[~reference.inner].sum())
    return _share_score(beyond, window.finite, reference.tail_share, correlation)


def missing(reference: Reference, window: StreamSketch, correlation: float) -> float:
    """Score the share of values that are NaN or infinite, exactly."""
    lost = window.missing + window.infinite
    return _share_score(lost, window.finite + lost, reference.missing_share, correlation)


def _share_score(count: int, rows: int, expected_share: float, correlation: float) -> float:
    effect = design_effect(correlation, rows)
    effective_rows, effective_count = max(round(rows / effect), 1), math.floor(count / effect)
    share = min(expected_share + SHARE_TOLERANCE, 1.0)
    # mid-probability: centres the score of a discrete count
    below = float(bdtr(effective_count - 1, effective_rows, share)) if effective_count else 0.0
    return _normal_score((below + float(bdtr(effective_count, effective_rows, share))) / 2.0)


def _variance_factor(reference: Reference, rows: int, correlation: float) -> float:
    """Return the variance of a difference of means, window less training, for unit variance."""
    trained = reference.stream.rows
    return design_effect(correlation, rows) / rows + design_effect(correlation, trained) / trained


def _beyond(effect: float, tolerance: float) -> float:
    return math.copysign(max(abs(effect) - tolerance, 0.0), effect)


def _normal_score(probability_below: float) -> float:
    """Return the standard score with this probability below it."""
    return min(max(float(ndtri(probability_below)), -_LARGEST_SCORE), _LARGEST_SCORE)
