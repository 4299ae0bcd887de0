"""The statistics of one window: every stream, the score, and what goes beside them.

Every row puts one value into every stream, so for each of them
``finite + missing + infinite == rows``; the encoding relies on it.
"""

from collections.abc import Mapping

import msgspec

from device_contract.baseline import Baseline
from device_contract.errors import SketchError
from device_contract.sketches.attribution import AttributionSums, merge_attributions
from device_contract.sketches.comoments import Comoments, merge_comoments
from device_contract.sketches.latency import LatencyHistogram, merge_latencies
from device_contract.sketches.metrics import MetricSketch, merge_metrics
from device_contract.sketches.projection import ProjectionSums, merge_projections
from device_contract.sketches.resources import Resources, merge_resources
from device_contract.sketches.stream import StreamSketch, empty_stream, merge_streams


class WindowSummary(msgspec.Struct, frozen=True, kw_only=True):
    """What a device says of a window: the streams in the baseline's order."""

    rows: int
    streams: tuple[StreamSketch, ...]
    latency: LatencyHistogram
    score_counts: tuple[int, ...] = ()
    """Rows in each bin of the baseline's score; those whose score is no number are in none."""
    projection: ProjectionSums = ProjectionSums()
    attributions: AttributionSums = AttributionSums()
    metrics: Mapping[str, MetricSketch] = {}
    resources: Resources = Resources()
    comoments: Comoments | None = None
    """Of this window and those before it that did not send theirs."""


def empty_summary(baseline: Baseline) -> WindowSummary:
    """Return the summary of no rows: the identity of ``merge``."""
    streams = tuple(empty_stream(stream) for stream in baseline.streams)
    score_counts = (0,) * len(baseline.score.counts) if baseline.score is not None else ()
    return WindowSummary(rows=0, streams=streams, latency=LatencyHistogram(), score_counts=score_counts)


def merge(a: WindowSummary, b: WindowSummary) -> WindowSummary:
    """Return the summary of the rows of both.

    Commutative and associative (the float sums up to rounding), with ``empty_summary`` as
    identity; the merge of two windows of one summarizer equals one pass over their rows.

    Raises:
        SketchError: The summaries belong to different baselines.
    """
    if len(a.streams) != len(b.streams) or len(a.score_counts) != len(b.score_counts):
        raise SketchError("summaries of different baselines do not merge")
    return WindowSummary(
        rows=a.rows + b.rows,
        streams=tuple(map(merge_streams, a.streams, b.streams)),
        latency=merge_latencies(a.latency, b.latency),
        score_counts=tuple(map(int.__add__, a.score_counts, b.score_counts)),
        projection=merge_projections(a.projection, b.projection),
        attributions=merge_attributions(a.attributions, b.attributions),
        metrics=merge_metrics(a.metrics, b.metrics),
        resources=merge_resources(a.resources, b.resources),
        comoments=merge_comoments(a.comoments, b.comoments),
    )
