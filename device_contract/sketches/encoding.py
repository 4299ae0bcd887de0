"""A window summary to bytes; the layout is told in ``docs/formats/sketches.md``.

Counts are exact. Each is written as the difference from what the training sample's share makes
one expect, so most take one byte. Instead of the float64 sums the moments are written: the
mean's distance from the pivot and the standard deviation in 24 bits, the lag-1 correlation in
16. That is less than half the size, and since nothing is subtracted after the rounding each
keeps an error far below its sampling error.
"""

import math
import struct
from collections.abc import Sequence
from itertools import chain, groupby

from device_contract.baseline import Baseline
from device_contract.errors import SketchError
from device_contract.sketches.attribution import AttributionSums
from device_contract.sketches.comoments import Comoments
from device_contract.sketches.decoder import MAX_SUMMARY_BYTES, SummaryReader, shares_of
from device_contract.sketches.latency import BUCKETS, LatencyHistogram
from device_contract.sketches.metrics import write_metrics
from device_contract.sketches.projection import ProjectionSums
from device_contract.sketches.stream import StreamSketch
from device_contract.sketches.summary import WindowSummary
from device_contract.sketches.varint import append

VERSION = 2

_MISSING, _INFINITE, _OUT_OF_RANGE, _BROKEN_PAIRS, _REPEATS = 1, 2, 4, 8, 16
_PROJECTION, _ATTRIBUTIONS, _RESOURCES, _COMOMENTS, _METRICS = 1, 2, 4, 8, 16
_CORRELATION = struct.Struct("<h")
_EXTREMES = struct.Struct("<2f")
_SUMS = struct.Struct("<4f")
_FLOAT, _BITS = struct.Struct("<f"), struct.Struct("<I")
_MAX_FLOAT32 = (2 - 2**-23) * 2.0**127
_MAX_SHORT = (2 - 2**-15) * 2.0**127
"""Two float32 may lie farther apart."""
_MAX_INT16, _MAX_UINT16 = 32_767, 65_535


def encode_summary(summary: WindowSummary, baseline: Baseline) -> bytes:
    """Encode a summary.

    Args:
        summary: What was counted.
        baseline: What it was counted against.

    Raises:
        SketchError: The counts of a stream do not add up to the rows, the summary is of another
            baseline, or it needs more than ``MAX_SUMMARY_BYTES``.
    """
    if len(summary.streams) != len(baseline.streams):
        raise SketchError(f"{len(summary.streams)} streams, the baseline has {len(baseline.streams)}")
    out = bytearray((VERSION,))
    append(out, summary.rows)
    append(out, len(summary.streams))
    for sketch, reference in zip(summary.streams, baseline.streams, strict=True):
        _write_stream(out, sketch, reference.counts, summary.rows)
    _write_latency(out, summary.latency)
    if baseline.score is not None and summary.rows:
        scored = sum(summary.score_counts)
        append(out, summary.rows - scored)
        _write_counts(out, summary.score_counts, baseline.score.counts, scored)
    _write_parts(out, summary)
    if len(out) > MAX_SUMMARY_BYTES:
        raise SketchError(f"summary has {len(out)} bytes, limit {MAX_SUMMARY_BYTES}")
    return bytes(out)


def decode_summary(data: bytes, baseline: Baseline) -> WindowSummary:
    """Decode a summary; counts, minimum and maximum are exact, moments rounded.

    Many summaries of one baseline are read faster by one ``SummaryReader``.

    Raises:
        SketchError: The bytes are oversized, malformed, of another version, or do not
            belong to this baseline.
    """
    return SummaryReader(baseline).read(data)


def _write_stream(out: bytearray, sketch: StreamSketch, expected: Sequence[int], rows: int) -> None:
    finite = sketch.finite
    if finite + sketch.missing + sketch.infinite != rows:
        raise SketchError(f"{finite} + {sketch.missing} + {sketch.infinite} values in {rows} rows")
    values = {
        _MISSING: (sketch.missing,),
        _INFINITE: (sketch.infinite,),
        _OUT_OF_RANGE: (sketch.out_of_range,),
        _BROKEN_PAIRS: (finite - sketch.lag_pairs,),
        _REPEATS: (sketch.repeats, sketch.longest_run),
    }
    flagged = [flag for flag, (first, *_) in values.items() if first]
    out.append(sum(flagged))
    for flag in flagged:
        for value in values[flag]:
            append(out, value)
    if finite:
        _write_counts(out, sketch.counts, expected, finite)
        out += _short(sketch.sum / finite) + _short(math.sqrt(sketch.variance))
        out += _CORRELATION.pack(round(sketch.lag1_correlation * _MAX_INT16))
        out += _EXTREMES.pack(sketch.minimum, sketch.maximum)


def _write_counts(out: bytearray, counts: Sequence[int], expected: Sequence[int], total: int) -> None:
    """Write the distances from what the training rows' shares make of the total; the last count follows."""
    if len(counts) != len(expected):
        raise SketchError(f"{len(counts)} bins, the baseline has {len(expected)}")
    if not total:
        return
    for count, share in zip(counts[:-1], shares_of(tuple(expected)), strict=False):
        append(out, _zigzag(count - int(total * share)))


def _write_latency(out: bytearray, latency: LatencyHistogram) -> None:
    """Write sum, maximum, and how many steps follow: the count of a bucket, or 0 and how many buckets are empty."""
    if len(latency.counts) != BUCKETS:
        raise SketchError(f"a latency histogram has {BUCKETS} buckets")
    steps: list[tuple[int, ...]] = []
    for count, run in groupby(latency.counts):
        buckets = len(list(run))
        steps += [(count,)] * buckets if count else [(0, buckets)]
    if len(steps[-1]) > 1:
        steps.pop()
    append(out, latency.sum_ns)
    append(out, latency.maximum_ns)
    append(out, len(steps))
    for value in chain.from_iterable(steps):
        append(out, value)


def _write_parts(out: bytearray, summary: WindowSummary) -> None:
    """Write what a summary need not have, behind a byte that tells what there is; the metrics last."""
    resources = summary.resources
    parts = {
        _PROJECTION: summary.projection.rows,
        _ATTRIBUTIONS: summary.attributions.rows,
        _RESOURCES: resources.cpu_ns or resources.peak_rss_bytes,
        _COMOMENTS: summary.comoments,
        _METRICS: summary.metrics,
    }
    out.append(sum(part for part, present in parts.items() if present))
    if summary.projection.rows:
        _write_projection(out, summary.projection, summary.rows)
    if summary.attributions.rows:
        _write_attributions(out, summary.attributions)
    if parts[_RESOURCES]:
        append(out, resources.cpu_ns)
        append(out, resources.peak_rss_bytes)
    if summary.comoments is not None:
        _write_comoments(out, summary.comoments)
    write_metrics(out, summary.metrics)


def _write_projection(out: bytearray, sums: ProjectionSums, rows: int) -> None:
    """Write the rows left out, and mean and standard deviation of T2 and of Q."""
    append(out, rows - sums.rows)
    t2, q = sums.t2 / sums.rows, sums.q / sums.rows
    t2_variance, q_variance = sums.t2_squares / sums.rows - t2 * t2, sums.q_squares / sums.rows - q * q
    out += _SUMS.pack(t2, math.sqrt(max(t2_variance, 0.0)), q, math.sqrt(max(q_variance, 0.0)))


def _write_attributions(out: bytearray, attributions: AttributionSums) -> None:
    """Write the greatest mean, and each mean as its share of that, in 65,535ths."""
    means = [_held(total / attributions.rows) for total in attributions.sums]
    (greatest,) = _FLOAT.unpack(_FLOAT.pack(max(means, default=0.0)))
    shares = [min(round(mean / greatest * _MAX_UINT16), _MAX_UINT16) if greatest else 0 for mean in means]
    append(out, attributions.rows)
    out += _FLOAT.pack(greatest)
    out += struct.pack(f"<{len(shares)}H", *shares)


def _write_comoments(out: bytearray, comoments: Comoments) -> None:
    sums = (*comoments.sums, *comoments.products)
    append(out, comoments.rows)
    out += struct.pack(f"<{len(sums)}f", *map(_held, sums))


def _short(value: float) -> bytes:
    """Return the upper three bytes of the float32, rounded."""
    (bits,) = _BITS.unpack(_FLOAT.pack(min(max(value, -_MAX_SHORT), _MAX_SHORT)))
    written: bytes = _BITS.pack(bits + 0x80)[1:]
    return written


def _held(value: float) -> float:
    """Hold a value to what float32 can say."""
    return min(max(value, -_MAX_FLOAT32), _MAX_FLOAT32)


def _zigzag(value: int) -> int:
    """Map 0, -1, 1, -2, 2 ... to 0, 1, 2, 3, 4 ..."""
    return 2 * value if value >= 0 else -2 * value - 1
