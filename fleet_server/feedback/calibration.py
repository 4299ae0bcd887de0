"""Whether a probability means what it says, from sums in bins of equal width.

For two classes it is the probability of the second one and whether that was the label; for
more, the largest probability and whether its class was the label (top-label calibration).
"""

import math
from typing import Final

import numpy as np

from fleet_server.feedback.intervals import Estimate, Floats, spread, symmetric

BINS: Final = 20
WEIGHT, PREDICTED, OBSERVED, SQUARES = range(4)
"""Rows of the sums: weight, and weight times probability, hit (0 or 1), and their squared difference."""
ROWS_OF_SUMS: Final = 4


def sum_rows(probabilities: Floats, hits: Floats, weights: Floats) -> Floats:
    """Sum rows in bins.

    Args:
        probabilities: (n_rows,), 0 to 1.
        hits: (n_rows,), 1 where what had that probability was so, else 0.
        weights: (n_rows,), positive.

    Returns:
        (4, ``BINS``), which merges by addition.
    """
    bins = np.minimum((probabilities * BINS).astype(np.intp), BINS - 1)
    parts = (np.ones_like(hits), probabilities, hits, (probabilities - hits) ** 2)
    return np.stack([np.bincount(bins, weights * part, BINS) for part in parts])


def expected_error(units: Floats, effective_rows: float) -> Estimate:
    """Find the expected calibration error: the mean distance of a bin's probability from its hits.

    It is above 0 even for a perfect model, by the noise of each bin's share of hits: the lower
    end of the interval allows for that.

    Args:
        units: (n_units, 4, ``BINS``), with some weight.
        effective_rows: The rows that weights leave.

    Source: Naeini et al., Obtaining well calibrated probabilities using Bayesian binning,
        AAAI 2015; Guo et al., arXiv:1706.04599; its bias: Kumar et al., arXiv:1909.10155.
    """
    sums = units.sum(axis=0)
    weight = float(sums[WEIGHT].sum())
    gap = sums[PREDICTED] - sums[OBSERVED]
    value = float(np.abs(gap).sum()) / weight
    gaps = (units[:, PREDICTED] - units[:, OBSERVED]) @ np.sign(gap)
    contributions = (gaps - value * units[:, WEIGHT].sum(axis=1)) / weight
    found = symmetric(value, spread(_variance(sums, value, effective_rows), contributions))
    # what |N(0, 1)| is on the average, for each bin
    noise = math.sqrt(2 / math.pi) * float(np.sqrt(sums[SQUARES] / weight / effective_rows).sum())
    return Estimate(value, max(found.low - noise, 0.0), min(found.high, 1.0))


def bias(units: Floats, effective_rows: float) -> Estimate:
    """Find by how much probabilities are too large on the average; the arguments are those of the error."""
    sums = units.sum(axis=0)
    weight = float(sums[WEIGHT].sum())
    value = float(sums[PREDICTED].sum() - sums[OBSERVED].sum()) / weight
    gaps = (units[:, PREDICTED] - units[:, OBSERVED]).sum(axis=1)
    contributions = (gaps - value * units[:, WEIGHT].sum(axis=1)) / weight
    return symmetric(value, spread(_variance(sums, value, effective_rows), contributions))


def diagram(sums: Floats) -> list[tuple[float, float, float]]:
    """Return the reliability diagram: mean probability, share of hits and weight of each bin with rows.

    Args:
        sums: (4, ``BINS``).
    """
    weight = sums[WEIGHT]
    used = weight > 0
    shares = (sums[PREDICTED][used] / weight[used], sums[OBSERVED][used] / weight[used], weight[used])
    return [(float(mean), float(hits), float(rows)) for mean, hits, rows in zip(*shares, strict=True)]


def _variance(sums: Floats, value: float, effective_rows: float) -> float:
    mean_square = float(sums[SQUARES].sum() / sums[WEIGHT].sum())
    return max(mean_square - value**2, 0.0) / effective_rows
