"""Comparing two sides of a model's windows: pure, from merged counts and moments.

The first side is what the second is compared with: shifts are in its standard deviations. The
measures tell how large a difference is, not whether it could be chance; beside the
stability index stands what it would be without any difference.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from detectors.arrays import Floats
from detectors.distances import (
    jensen_shannon_distance,
    kolmogorov_smirnov_distance,
    population_stability_index,
    quantiles,
    stability_index_of_equals,
    wasserstein_distance,
)
from fleet_server.comparisons.merging import Key, MergedStream, Part, common_edges, pool
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
    population_stability_index: float | None
    stability_index_of_equals: float | None
    """What the index would be on average without a difference, if the rows were independent."""
    jensen_shannon_distance: float | None
    kolmogorov_smirnov_distance: float | None
    wasserstein_distance: float | None
    """In the stream's own unit."""


@dataclass(frozen=True, eq=False)
class StreamComparison:
    """One stream on both sides; a side is None if it has no such stream."""

    key: Key
    edges: Floats
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
        edges = common_edges([*a.get(key, ()), *b.get(key, ())])
        one, other = (pool(side[key], edges) if key in side else None for side in (a, b))
        difference = None if one is None or other is None else measure(key, edges, one, other)
        yield StreamComparison(key, edges, one, other, difference)


def measure(key: Key, edges: Floats, a: MergedStream, b: MergedStream) -> Difference:
    """Measure the difference of one stream."""
    is_number = key[2] == "number"
    has_values = bool(a.finite and b.finite)
    scale = a.standard_deviation if has_values and a.standard_deviation > 0.0 else math.nan
    shift = b.mean - a.mean if is_number else math.nan
    return Difference(
        mean_shift=defined(shift),
        mean_shift_sd=defined(shift / scale),
        sd_ratio=defined(b.standard_deviation / scale) if is_number else None,
        missing_share_shift=missing_share(b) - missing_share(a),
        **(_distances(edges, a, b, is_number=is_number) if has_values and len(edges) else _NONE),
    )


def quantiles_of(stream: MergedStream, edges: Floats) -> list[float] | None:
    """Return the values below which the shares in ``QUANTILES`` lie, if there is a finite value."""
    return quantiles(stream.histogram(edges), np.array(QUANTILES)).tolist() if stream.finite else None


def missing_share(stream: MergedStream) -> float:
    """Return the share of the rows that was missing; 0 of no rows."""
    rows = stream.finite + stream.missing + stream.infinite
    return stream.missing / rows if rows else 0.0


_NONE: Final[Mapping[str, None]] = dict.fromkeys(
    (
        "population_stability_index",
        "stability_index_of_equals",
        "jensen_shannon_distance",
        "kolmogorov_smirnov_distance",
        "wasserstein_distance",
    )
)


def _distances(edges: Floats, a: MergedStream, b: MergedStream, *, is_number: bool) -> dict[str, float | None]:
    one, other = a.histogram(edges), b.histogram(edges)
    return {
        "population_stability_index": population_stability_index(one, other),
        "stability_index_of_equals": stability_index_of_equals(one, other),
        "jensen_shannon_distance": jensen_shannon_distance(one, other),
        "kolmogorov_smirnov_distance": kolmogorov_smirnov_distance(one, other) if is_number else None,
        "wasserstein_distance": wasserstein_distance(one, other) if is_number else None,
    }
