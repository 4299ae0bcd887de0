"""A stream's baseline, laid out for comparison: inner bins, tails and missing share.

The bins beyond the 0.5 % and 99.5 % quantiles are tails: so little is expected in them
that they would spoil the chi-square, and they get an exact test of their own.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from device_contract.baseline import StreamBaseline

_TAIL_SHARE = 0.0075  # the 0.5 % quantile of a sample with ties does not cut off 0.5 % exactly

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Reference:
    """What training says of one stream."""

    stream: StreamBaseline
    inner: NDArray[np.bool_]
    """(n_bins,): which bins belong to the chi-square."""
    shares: Floats
    """(n_inner,): the training rows' share of each inner bin; sums to 1."""
    spread_scores: Floats
    """(n_inner,): squared normal quantile of each inner bin's middle (all 0 for a category)."""
    tail_share: float
    missing_share: float


@lru_cache(maxsize=4096)
def reference_of(stream: StreamBaseline) -> Reference:
    """Lay out a stream's baseline."""
    counts = np.asarray(stream.counts, np.float64)
    inner = _inner_bins(counts, is_number=stream.kind == "number")
    inner_rows = counts[inner].sum()
    shares = counts[inner] / inner_rows if inner_rows else counts[inner]
    middles = np.cumsum(shares) - shares / 2.0
    scores = ndtri(middles) ** 2 if stream.kind == "number" else np.zeros_like(shares)
    finite = max(stream.rows, 1)
    return Reference(
        stream=stream,
        inner=inner,
        shares=shares,
        spread_scores=scores,
        tail_share=float(counts[~inner].sum()) / finite,
        missing_share=stream.missing / max(stream.rows + stream.missing, 1),
    )


def _inner_bins(counts: Floats, *, is_number: bool) -> NDArray[np.bool_]:
    inner = counts > 0
    if is_number and counts.sum():
        upper = np.cumsum(counts) / counts.sum()
        lower = upper - counts / counts.sum()
        inner &= (upper > _TAIL_SHARE) & (lower < 1.0 - _TAIL_SHARE)
    return inner
