"""Windows merged into one histogram and one set of moments for each stream, whatever their baselines.

Windows of one baseline merge by addition. Where versions have other bins, the counts are put
into the bins between those edges that all of them have, which loses detail but is exact.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.arrays import Floats
from detectors.distances import Histogram
from device_contract.baseline import Baseline, StreamBaseline
from device_contract.sketches.stream import StreamSketch, merge_streams

Key = tuple[str, str, str]
"""Role, name and kind: what makes two streams the same."""

Part = tuple[StreamBaseline, StreamSketch]


@dataclass(frozen=True, eq=False)
class MergedStream:
    """One stream over many windows."""

    edges: Floats
    """(k,), those that the windows' baselines share; there may be none."""
    counts: Floats
    """(k + 1,), between the edges."""
    missing: int
    infinite: int
    out_of_range: int
    mean: float
    standard_deviation: float
    """Divided by n; NaN, like the mean, where there is no finite value."""
    minimum: float
    maximum: float

    @property
    def finite(self) -> int:
        """The number of finite values."""
        return int(self.counts.sum())

    def histogram(self, edges: Floats | None = None) -> Histogram:
        """Return it for the measures of distance; it needs a finite value.

        Args:
            edges: Some of its own edges; all of them if not given.
        """
        if edges is None:
            return Histogram(self.edges, self.counts, self.minimum, self.maximum)
        return Histogram(edges, regroup(self.edges, self.counts, edges), self.minimum, self.maximum)


class Merger:
    """Adds windows up, one after the other."""

    def __init__(self) -> None:
        self.windows = 0
        self.rows = 0
        self._sums: dict[Key, dict[StreamBaseline, StreamSketch]] = {}

    def add(self, baseline: Baseline, streams: Iterable[StreamSketch], rows: int) -> None:
        """Add a window."""
        self.windows += 1
        self.rows += rows
        for reference, sketch in zip(baseline.streams, streams, strict=True):
            sums = self._sums.setdefault((reference.role, reference.name, reference.kind), {})
            sums[reference] = merge_streams(sums[reference], sketch) if reference in sums else sketch

    @property
    def parts(self) -> Mapping[Key, list[Part]]:
        """The sums of each stream, by baseline."""
        return {key: list(sums.items()) for key, sums in self._sums.items()}


def pool(parts: Iterable[Part]) -> MergedStream:
    """Put the sums of one stream together.

    Args:
        parts: The sums, by baseline.
    """
    found = list(parts)
    edges = _common_edges(reference for reference, _ in found)
    sketches = [sketch for _, sketch in found]
    counts = [regroup(np.array(reference.edges), np.array(sketch.counts), edges) for reference, sketch in found]
    mean, deviation = _moments(sketches)
    return MergedStream(
        edges=edges,
        counts=np.sum(counts, axis=0),
        missing=sum(sketch.missing for sketch in sketches),
        infinite=sum(sketch.infinite for sketch in sketches),
        out_of_range=sum(sketch.out_of_range for sketch in sketches),
        mean=mean,
        standard_deviation=deviation,
        minimum=min(sketch.minimum for sketch in sketches),
        maximum=max(sketch.maximum for sketch in sketches),
    )


def regroup(edges: Floats, counts: NDArray[Any], fewer: Floats) -> Floats:
    """Return the counts between some of the edges."""
    starts = np.concatenate([[0], np.searchsorted(edges, fewer) + 1])
    regrouped: Floats = np.add.reduceat(counts.astype(np.float64), starts)
    return regrouped


def _common_edges(references: Iterable[StreamBaseline]) -> Floats:
    shared = reduce(set.intersection, (set(reference.edges) for reference in references))
    return np.array(sorted(shared), np.float64)


def _moments(sketches: list[StreamSketch]) -> tuple[float, float]:
    """Return mean and standard deviation: the variance within the parts, and that of their means."""
    filled = [sketch for sketch in sketches if sketch.finite]
    if not filled:
        return float("nan"), float("nan")
    rows = np.array([sketch.finite for sketch in filled], np.float64)
    means, variances = (np.array([getattr(s, name) for s in filled]) for name in ("mean", "variance"))
    mean = np.average(means, weights=rows)
    return float(mean), float(np.sqrt(np.average(variances + (means - mean) ** 2, weights=rows)))
