"""The statistics of one window: every stream and the latency.

Every row puts one value into every stream, so for each of them
``finite + missing + infinite == rows``; the encoding relies on it.
"""

import msgspec

from device_contract.baseline import Baseline
from device_contract.errors import SketchError
from device_contract.sketches.latency import LatencyHistogram, merge_latencies
from device_contract.sketches.stream import StreamSketch, empty_stream, merge_streams


class WindowSummary(msgspec.Struct, frozen=True, kw_only=True):
    """What a device says of a window: the streams in the baseline's order."""

    rows: int
    streams: tuple[StreamSketch, ...]
    latency: LatencyHistogram


def empty_summary(baseline: Baseline) -> WindowSummary:
    """Return the summary of no rows: the identity of ``merge``."""
    streams = tuple(empty_stream(stream) for stream in baseline.streams)
    return WindowSummary(rows=0, streams=streams, latency=LatencyHistogram())


def merge(a: WindowSummary, b: WindowSummary) -> WindowSummary:
    """Return the summary of the rows of both.

    Commutative and associative (the float sums up to rounding), with ``empty_summary`` as
    identity; the merge of two windows of one summarizer equals one pass over their rows.

    Raises:
        SketchError: The summaries belong to different baselines.
    """
    if len(a.streams) != len(b.streams):
        raise SketchError("summaries of different baselines do not merge")
    return WindowSummary(
        rows=a.rows + b.rows,
        streams=tuple(map(merge_streams, a.streams, b.streams)),
        latency=merge_latencies(a.latency, b.latency),
    )
