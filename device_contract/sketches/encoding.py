"""A window summary to bytes and back; the layout is told in ``docs/formats/sketches.md``.

Counts are exact. Each is written as the difference from the bin before: the baseline's
deciles hold about as many rows each, so most take one byte. Instead of the float64 sums the
moments are written, as float32: the mean's distance from the pivot, the standard deviation
and the lag-1 correlation. That is half the size, and since nothing is subtracted after the
rounding each keeps a relative error below 2**-23, thousands of times below its sampling error.
"""

import math
import struct
from itertools import accumulate, pairwise
from typing import Any

from device_contract.baseline import Baseline, StreamBaseline
from device_contract.errors import SketchError
from device_contract.sketches.latency import BUCKETS, LatencyHistogram
from device_contract.sketches.stream import StreamSketch
from device_contract.sketches.summary import WindowSummary
from device_contract.sketches.varint import Reader, append

VERSION = 1
MAX_SUMMARY_BYTES = 65_536
"""What a report has room for: about 1,700 streams."""

_MISSING, _INFINITE, _OUT_OF_RANGE, _BROKEN_PAIRS = 1, 2, 4, 8
_FLAGS = (_MISSING, _INFINITE, _OUT_OF_RANGE, _BROKEN_PAIRS)
_MOMENTS = struct.Struct("<5f")
_MAX_FLOAT32 = (2 - 2**-23) * 2.0**127


def encode_summary(summary: WindowSummary) -> bytes:
    """Encode a summary.

    Raises:
        SketchError: The counts of a stream do not add up to the rows, or the summary needs
            more than ``MAX_SUMMARY_BYTES``.
    """
    out = bytearray((VERSION,))
    append(out, summary.rows)
    append(out, len(summary.streams))
    for sketch in summary.streams:
        _write_stream(out, sketch, summary.rows)
    _write_latency(out, summary.latency)
    if len(out) > MAX_SUMMARY_BYTES:
        raise SketchError(f"summary has {len(out)} bytes, limit {MAX_SUMMARY_BYTES}")
    return bytes(out)


def decode_summary(data: bytes, baseline: Baseline) -> WindowSummary:
    """Decode a summary; counts, minimum and maximum are exact, moments rounded to float32.

    Raises:
        SketchError: The bytes are oversized, malformed, of an unknown version, or do not
            belong to this baseline.
    """
    if len(data) > MAX_SUMMARY_BYTES:
        raise SketchError(f"summary has {len(data)} bytes, limit {MAX_SUMMARY_BYTES}")
    reader = Reader(data)
    (version,) = reader.take(1)
    if version != VERSION:
        raise SketchError(f"summary of version {version}, known is {VERSION}")
    rows, streams = reader.varint(), reader.varint()
    if streams != len(baseline.streams):
        raise SketchError(f"{streams} streams, the baseline has {len(baseline.streams)}")
    sketches = tuple(_read_stream(reader, reference, rows) for reference in baseline.streams)
    latency = _read_latency(reader)
    reader.finish()
    return WindowSummary(rows=rows, streams=sketches, latency=latency)


def _write_stream(out: bytearray, sketch: StreamSketch, rows: int) -> None:
    finite = sketch.finite
    if finite + sketch.missing + sketch.infinite != rows:
        raise SketchError(f"{finite} + {sketch.missing} + {sketch.infinite} values in {rows} rows")
    values = (sketch.missing, sketch.infinite, sketch.out_of_range, finite - sketch.lag_pairs)
    out.append(sum(flag for flag, value in zip(_FLAGS, values, strict=True) if value))
    for value in filter(None, values):
        append(out, value)
    if finite:
        for before, count in pairwise((0, *sketch.counts[:-1])):  # the last follows from the others
            append(out, _zigzag(count - before))
        out += _MOMENTS.pack(*_moments(sketch, finite))


def _read_stream(reader: Reader, reference: StreamBaseline, rows: int) -> StreamSketch:
    flags = reader.take(1)[0]
    if flags >= 2 * _BROKEN_PAIRS:
        raise SketchError(f"unknown flags {flags} of {reference.name!r}")
    missing, infinite, out_of_range, broken_pairs = (reader.varint() if flags & flag else 0 for flag in _FLAGS)
    finite = rows - missing - infinite
    if finite < max(out_of_range, broken_pairs, 0):
        raise SketchError(f"the counts of {reference.name!r} do not add up to {rows} rows")
    counts = _read_counts(reader, reference, finite)
    lag_pairs = finite - broken_pairs
    moments: dict[str, Any] = _read_moments(reader, reference, finite, lag_pairs) if finite else {}
    return StreamSketch(
        pivot=reference.mean,
        counts=counts,
        missing=missing,
        infinite=infinite,
        out_of_range=out_of_range,
        lag_pairs=lag_pairs,
        **moments,
    )


def _read_counts(reader: Reader, reference: StreamBaseline, finite: int) -> tuple[int, ...]:
    if not finite:
        return (0,) * len(reference.counts)
    steps = reader.varints(len(reference.counts) - 1)
    counts = list(accumulate(map(_unzigzag, steps)))
    counts.append(finite - sum(counts))
    if min(counts) < 0:
        raise SketchError(f"a count of {reference.name!r} is negative")
    return tuple(counts)


def _moments(sketch: StreamSketch, finite: int) -> tuple[float, ...]:
    offset = min(max(sketch.sum / finite, -_MAX_FLOAT32), _MAX_FLOAT32)  # two float32 may lie farther apart
    deviation = math.sqrt(sketch.variance)
    return offset, deviation, sketch.lag1_correlation, sketch.minimum, sketch.maximum


def _read_moments(reader: Reader, reference: StreamBaseline, finite: int, lag_pairs: int) -> dict[str, float]:
    offset, deviation, correlation, minimum, maximum = _MOMENTS.unpack(reader.take(_MOMENTS.size))
    sound = all(map(math.isfinite, (offset, deviation, minimum, maximum)))
    if not (sound and deviation >= 0.0 and -1.0 <= correlation <= 1.0 and minimum <= maximum):
        raise SketchError(f"impossible moments of {reference.name!r}")
    variance = deviation * deviation
    return {
        "sum": finite * offset,
        "sum_squares": finite * (variance + offset * offset),
        "lag_products": lag_pairs * (correlation * variance + offset * offset),
        "minimum": minimum,
        "maximum": maximum,
    }


def _write_latency(out: bytearray, latency: LatencyHistogram) -> None:
    """Sum, maximum, number of buckets in use; for each the step from the one before, and its count."""
    if len(latency.counts) != BUCKETS:
        raise SketchError(f"a latency histogram has {BUCKETS} buckets")
    used = [bucket for bucket, count in enumerate(latency.counts) if count]
    append(out, latency.sum_ns)
    append(out, latency.maximum_ns)
    append(out, len(used))
    for before, bucket in zip([0, *used], used, strict=False):
        append(out, bucket - before)
        append(out, latency.counts[bucket])


def _read_latency(reader: Reader) -> LatencyHistogram:
    sum_ns, maximum_ns, used = reader.varint(), reader.varint(), reader.varint()
    counts = [0] * BUCKETS
    bucket = 0
    for _ in range(min(used, BUCKETS + 1)):
        bucket += reader.varint()
        if bucket >= BUCKETS or counts[bucket]:
            raise SketchError("malformed latency histogram")
        counts[bucket] = reader.varint()
    return LatencyHistogram(counts=tuple(counts), sum_ns=sum_ns, maximum_ns=maximum_ns)


def _zigzag(value: int) -> int:
    """Map 0, -1, 1, -2, 2 ... to 0, 1, 2, 3, 4 ..."""
    return 2 * value if value >= 0 else -2 * value - 1


def _unzigzag(value: int) -> int:
    return (value >> 1) ^ -(value & 1)
