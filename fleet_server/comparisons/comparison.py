"""Comparing two sides of a model's windows: pure, from merged counts and moments.

The first side is what the second is compared with: shifts are in its standard deviations. What
is measured bin by bin is measured between the edges that both sides have. The measures tell
how large a difference is, not whether it could be chance; beside the stability index stands
what it would be without any difference.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from detectors.arrays import Floats
from detectors.distances import (
    Histogram,
    jensen_shannon_distance,
    kolmogorov_smirnov_distance,
    population_stability_index,
    quantiles,
    stability_index_of_equals,
    wasserstein_distance,
)
from fleet_server.comparisons.merging import Key, MergedStream, Part, pool
from fleet_server.telemetry.frames import defined

QUANTILES: Final = (0.05, 0.25, 0.5, 0.75, 0.95)


@dataclass(frozen=True)
class Difference:
    """How far the second side is from the first; None is what is not defined for the stream."""

    mean_shift: float | None
    """Second less first, in the stream's own unit."""
    mean_shift_sd: float | None
    """The same in standard deviations of the first."""
    sd_ratio: float | None
    missing_share_shift: float
    bins: int
    """That both sides have, between the edges that they share; 0 if they share none."""
    population_stability_index: float | None
    stability_index_of_equals: float | None
    """What the index would be on average without a difference, if the rows were independent."""
    jensen_shannon_distance: float | None
    kolmogorov_smirnov_distance: float | None
    wasserstein_distance: float | None
    """In the stream's own unit; each side by its own bins."""


@dataclass(frozen=True, eq=False)
class StreamComparison:
    """One stream on both sides; a side is None if it has no such stream."""

    key: Key
    a: MergedStream | None
    b: MergedStream | None
    difference: Difference | None


def compare(a: Mapping[Key, Sequence[Part]], b: Mapping[Key, Sequence[Part]]) -> Iterator[StreamComparison]:
    """Compare each stream of either side.

    Args:
        a: The sums of each stream, by baseline.
        b: The same of the side that is compared with it.
    """
    for key in {**a, **b}:
        one, other = (pool(side[key]) if key in side else None for side in (a, b))
        difference = None if one is None or other is None else measure(one, other, is_number=key[2] == "number")
        yield StreamComparison(key, one, other, difference)


def measure(a: MergedStream, b: MergedStream, *, is_number: bool) -> Difference:
    """Measure the difference of one stream; a category has neither mean nor order."""
    has_values, is_placed = bool(a.finite and b.finite), is_number and _has_bins(a) and _has_bins(b)
    scale = a.standard_deviation if is_number and has_values and a.standard_deviation > 0.0 else math.nan
    shift = b.mean - a.mean if is_number else math.nan
    shared = np.intersect1d(a.edges, b.edges)
    return Difference(
        mean_shift=defined(shift),
        mean_shift_sd=defined(shift / scale),
        sd_ratio=defined(b.standard_deviation / scale),
        missing_share_shift=missing_share(b) - missing_share(a),
        bins=len(shared) + 1 if len(shared) else 0,
        **_by_bins(a, b, shared, is_number=is_number),
        wasserstein_distance=wasserstein_distance(a.histogram(), b.histogram()) if is_placed else None,
    )


def quantiles_of(stream: MergedStream) -> list[float] | None:
    """Return the values below which the shares in ``QUANTILES`` lie, if there are finite values in bins."""
    return quantiles(stream.histogram(), np.array(QUANTILES)).tolist() if _has_bins(stream) else None


def missing_share(stream: MergedStream) -> float:
    """Return the share of the rows that was missing; 0 of no rows."""
    rows = stream.finite + stream.missing + stream.infinite
    return stream.missing / rows if rows else 0.0


_BY_BINS: Final[Mapping[str, Callable[[Histogram, Histogram], float]]] = {
    "population_stability_index": population_stability_index,
    "stability_index_of_equals": stability_index_of_equals,
    "jensen_shannon_distance": jensen_shannon_distance,
    "kolmogorov_smirnov_distance": kolmogorov_smirnov_distance,
}


def _by_bins(a: MergedStream, b: MergedStream, shared: Floats, *, is_number: bool) -> dict[str, float | None]:
    if not (a.finite and b.finite and len(shared)):
        return dict.fromkeys(_BY_BINS)
    one, other = a.histogram(shared), b.histogram(shared)
    found: dict[str, float | None] = {name: distance(one, other) for name, distance in _BY_BINS.items()}
    return found if is_number else {**found, "kolmogorov_smirnov_distance": None}


def _has_bins(stream: MergedStream) -> bool:
    return bool(stream.finite and len(stream.edges))
