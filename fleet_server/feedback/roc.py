"""The ROC curve and the area under it, from counts of scores in fixed bins.

A bin is narrow where probabilities are near 0 or 1, which is where rare classes lie: the
bins are equal on the scale of ``asin(sqrt(p))``. The scores of a bin are ties, worth a half
each, and so the area of the scores themselves lies within ``resolution`` of the one told.
"""

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fleet_server.feedback.intervals import Estimate, Floats, Spread, spread, wilson

BINS: Final = 128


def bin_of(probabilities: Floats) -> NDArray[np.intp]:
    """Return the bin of each probability, 0 to ``BINS - 1``."""
    angle = np.arcsin(np.sqrt(np.clip(probabilities, 0.0, 1.0))) * (2 / math.pi)
    return np.minimum((angle * BINS).astype(np.intp), BINS - 1)


def lower_edges() -> Floats:
    """Return the least probability of each bin."""
    edges: Floats = np.sin(np.arange(BINS) / BINS * (math.pi / 2)) ** 2
    return edges


def area(units: Floats, rows_by_weight: float) -> Estimate | None:
    """Find the area under the curve with its interval, on the logit's scale.

    Args:
        units: (n_units, 2, ``BINS``), weights of negatives and of positives in each bin.
        rows_by_weight: Effective rows for a weight of 1.

    Returns:
        None where one of the two classes has not come up.

    Source: DeLong et al., 1988, doi:10.2307/2531595; for clusters Obuchowski, 1997,
        doi:10.2307/2533958.
    """
    negatives, positives = units.sum(axis=0)
    n_negatives, n_positives = float(negatives.sum()), float(positives.sum())
    if not (n_negatives > 0.0 and n_positives > 0.0):
        return None
    # the share of the other class that each bin's scores are on the right side of
    of_positive = (np.cumsum(negatives) - negatives / 2) / n_negatives
    of_negative = 1.0 - (np.cumsum(positives) - positives / 2) / n_positives
    value = float(positives @ of_positive) / n_positives
    row_variance = _mean_variance(positives, of_positive - value, rows_by_weight)
    row_variance += _mean_variance(negatives, of_negative - value, rows_by_weight)
    contributions = units[:, 1] @ (of_positive - value) / n_positives
    contributions += units[:, 0] @ (of_negative - value) / n_negatives
    return _logit(value, spread(row_variance, contributions), min(n_positives, n_negatives) * rows_by_weight)


def resolution(counts: Floats) -> float:
    """Return how far the area may be from that of the unbinned scores.

    Args:
        counts: (2, ``BINS``), with weights of both classes.
    """
    negatives, positives = counts
    return float(negatives @ positives) / (2.0 * float(negatives.sum()) * float(positives.sum()))


def curve(counts: Floats) -> list[tuple[float, float, float]]:
    """Return the curve from (1, 1) to (0, 0): least score that counts as positive, false and true positive rate.

    Args:
        counts: (2, ``BINS``), with weights of both classes.
    """
    rates = np.cumsum(counts[:, ::-1], axis=1)[:, ::-1] / counts.sum(axis=1, keepdims=True)
    used = counts.sum(axis=0) > 0
    points = zip(lower_edges()[used], rates[0][used], rates[1][used], strict=True)
    return [(float(edge), float(false), float(true)) for edge, false, true in points] + [(1.0, 0.0, 0.0)]


def _mean_variance(weights: Floats, deviations: Floats, rows_by_weight: float) -> float:
    total = float(weights.sum())
    return float(weights @ deviations**2) / total / max(total * rows_by_weight - 1.0, 1.0)


def _logit(value: float, found: Spread, scarcer_rows: float) -> Estimate:
    if found.variance == 0.0 or not 0.0 < value < 1.0:  # classes that scores part wholly show no variance
        return wilson(value, scarcer_rows / found.effect, found.quantile)
    half = found.quantile * math.sqrt(found.variance) / (value * (1.0 - value))
    odds = math.log(value / (1.0 - value))
    low, high = (1.0 / (1.0 + math.exp(-min(max(end, -700.0), 700.0))) for end in (odds - half, odds + half))
    return Estimate(value, low, high)
