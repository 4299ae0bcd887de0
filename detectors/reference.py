"""A baseline laid out for comparison: one row a stream, bins padded to the widest stream.

Each bin of a number carries the normal score of its training rows, the expectation of a
standard normal variable within the bin's share. Means and variances of these scores tell
location and spread whatever the distribution, and one wild value moves them by no more than
its bin's score.

Source: van der Waerden, Order tests for the two-sample problem, 1952.
"""

from dataclasses import dataclass, fields, replace
from functools import cached_property

import numpy as np
from scipy.special import ndtri

from detectors.arrays import Bools, Floats, Indices
from detectors.layout import components_of, relations_of
from detectors.shifted import Shifted, shift
from device_contract.baseline import Baseline, StreamBaseline

_TAIL_SHARE = 0.0075  # the 0.5 % quantile of a sample with ties does not cut off 0.5 % exactly
_HALF_ROW = 0.5


@dataclass(frozen=True, eq=False)
class Reference:
    """What training says of every stream; ``S`` streams of at most ``B`` bins."""

    names: tuple[str, ...]
    n_features: int
    """The first of the streams are features, the rest outputs."""
    bins: Bools
    """(S, B): which bins the stream has."""
    inner: Bools
    """(S, B): which of them take part in the chi-square; the others are tails."""
    shares: Floats
    """(S, B): the training rows' share of each bin."""
    scores: Floats
    """(S, B): normal scores, of mean 0 and variance 1 in training; 0 throughout where ``ordered`` is not."""
    ordered: Bools
    """(S,): numbers of at least three filled bins: those with a location and a spread."""
    kurtosis: Floats
    """(S,): mean fourth power of the scores in training."""
    low: Bools
    """(S, B): the tail below the inner bins; none where there is no order."""
    high: Bools
    """(S, B): what is above them; of a category, what training never saw."""
    missing_share: Floats
    """(S,): share of the training rows that were not finite."""
    lag1: Floats
    """(S,): correlation of neighbouring training rows."""
    rows: Floats
    """(S,): finite training rows."""
    mean: Floats
    """(S,)."""
    deviation: Floats
    """(S,): standard deviation in training."""
    edges: Floats
    """(S, B - 1): ascending; padded with the last one."""
    components: tuple[Floats, Floats]
    """(S, B) each: the location's and the spread's component of the chi-square, 0 outside the inner bins."""
    projected: Floats
    """(2,): mean of T2 and of Q in training; 0 without a projection."""
    projected_lag1: Floats
    """(2,): their correlations in neighbouring rows."""
    pairs: tuple[Indices, Indices]
    """(P,) each: the two streams of each correlation that a device may tell; none without co-moments."""
    correlations: Floats
    """(P,): in training."""
    attributions: Floats
    """(features,): mean absolute contribution in training; 0 if it is not known."""

    @cached_property
    def shifted(self) -> Shifted:
        """What a shift alone does to the bins; worked out when it is first wanted, for it takes a while."""
        return shift(self.shares, self.edges, self.scores, self.deviation, (self.inner, self.low, self.high))

    @property
    def n_streams(self) -> int:
        """How many streams there are."""
        return len(self.names)

    def select(self, streams: Indices) -> "Reference":
        """Return the reference of some of the streams, without what is told of all together."""
        arrays = {field.name: getattr(self, field.name) for field in fields(self)}
        chosen = {name: values[streams] for name, values in arrays.items() if name in _BY_STREAM}
        first, second = self.components
        return replace(
            self,
            **chosen,
            names=tuple(self.names[stream] for stream in streams),
            n_features=int((streams < self.n_features).sum()),
            components=(first[streams], second[streams]),
            projected=np.zeros(2),
            pairs=(streams[:0], streams[:0]),
            correlations=np.zeros(0),
            attributions=np.zeros(int((streams < self.n_features).sum())),
        )


_BY_STREAM = frozenset({
    "bins", "inner", "shares", "scores", "ordered", "kurtosis", "low", "high", "missing_share", "lag1", "rows",
    "mean", "deviation", "edges",
})  # fmt: skip


def lay_out(baseline: Baseline) -> Reference:
    """Lay out a baseline."""
    streams = baseline.streams
    width = max(len(stream.counts) for stream in streams)
    counts = np.array([_padded(stream.counts, width, 0) for stream in streams], np.float64)
    bins = np.arange(width) < np.array([len(stream.counts) for stream in streams])[:, None]
    rows = counts.sum(axis=1)
    shares = counts / np.maximum(rows, 1.0)[:, None]
    inner = np.array([_inner(stream, share) for stream, share in zip(streams, shares, strict=True)])
    low = bins & ~inner & (np.cumsum(inner, axis=1) == 0)
    ordered = np.array([_is_ordered(stream) for stream in streams])
    scores = np.array([_scores(count, mask) for count, mask in zip(counts, bins & ordered[:, None], strict=True)])
    edges = np.array([_padded(stream.edges, width - 1, stream.edges[-1]) for stream in streams])
    deviation = np.array([stream.standard_deviation for stream in streams])
    lost = np.array([stream.missing for stream in streams], np.float64)
    return Reference(
        names=tuple(stream.name for stream in streams),
        n_features=sum(stream.role == "feature" for stream in streams),
        bins=bins,
        inner=inner,
        shares=shares,
        scores=scores,
        ordered=ordered,
        kurtosis=np.maximum((shares * scores**4).sum(axis=1), 1.1),  # 1: two bins alike, whose spread cannot vary
        low=low,
        high=bins & ~inner & ~low,
        missing_share=lost / np.maximum(rows + lost, 1.0),
        lag1=np.array([stream.lag1_correlation for stream in streams]),
        rows=rows,
        mean=np.array([stream.mean for stream in streams]),
        deviation=deviation,
        edges=edges,
        components=components_of(np.where(inner, shares, 0.0), scores),
        **relations_of(baseline),
    )


def _padded(values: tuple[float, ...], width: int, filler: float) -> list[float]:
    return [*values, *[filler] * (width - len(values))]


def _is_ordered(stream: StreamBaseline) -> bool:
    return stream.kind == "number" and sum(count > 0 for count in stream.counts) >= 3  # noqa: PLR2004


def _inner(stream: StreamBaseline, shares: Floats) -> Bools:
    inner = shares > 0.0
    if stream.kind == "number":
        upper = np.cumsum(shares)
        inner &= (upper > _TAIL_SHARE) & (upper - shares < 1.0 - _TAIL_SHARE)
    return inner


def _scores(counts: Floats, mask: Bools) -> Floats:
    """Return the bins' normal scores; a bin that training never filled gets that of half a row."""
    if not mask.any():
        return np.zeros(len(counts))
    filled = np.where(mask, counts + _HALF_ROW, 0.0)
    upper = np.clip(np.cumsum(filled) / filled.sum(), 0.0, 1.0)
    density = np.exp(-(ndtri(np.clip(upper, 1e-12, 1.0 - 1e-12)) ** 2) / 2.0) / np.sqrt(2.0 * np.pi)
    density[np.cumsum(filled) >= filled.sum()] = 0.0
    shares = filled / filled.sum()
    scores = -np.diff(density, prepend=0.0) / np.where(mask, shares, 1.0)
    trained = counts / max(counts.sum(), 1.0)
    scores -= trained @ scores
    scores /= np.sqrt(trained @ scores**2)
    return np.where(mask, scores, 0.0)
