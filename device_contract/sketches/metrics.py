"""Numbers that the application gives beside its rows, by name."""

import math
import struct
import sys
from collections.abc import Mapping
from typing import Final

import msgspec

from device_contract.errors import SketchError
from device_contract.sketches.varint import Reader, append

MAX_METRICS: Final = 32
"""Names of one window."""
MAX_METRIC_NAME: Final = 64
"""Bytes of a name, in UTF-8."""

_NUMBERS = struct.Struct("<4d")


class MetricSketch(msgspec.Struct, frozen=True, kw_only=True):
    """The values of one metric, all of them finite."""

    count: int = 0
    sum: float = 0.0
    sum_squares: float = 0.0
    minimum: float = math.inf
    maximum: float = -math.inf


def observe(metric: MetricSketch, value: float) -> MetricSketch:
    """Return the metric with one more finite value."""
    return merge_metric(
        metric, MetricSketch(count=1, sum=value, sum_squares=value * value, minimum=value, maximum=value)
    )


def merge_metric(a: MetricSketch, b: MetricSketch) -> MetricSketch:
    """Return the sketch of the values of both."""
    return MetricSketch(
        count=a.count + b.count,
        sum=a.sum + b.sum,
        sum_squares=a.sum_squares + b.sum_squares,
        minimum=min(a.minimum, b.minimum),
        maximum=max(a.maximum, b.maximum),
    )


def merge_metrics(a: Mapping[str, MetricSketch], b: Mapping[str, MetricSketch]) -> dict[str, MetricSketch]:
    """Return the metrics of both by name, in the order of the names."""
    empty = MetricSketch()
    return {name: merge_metric(a.get(name, empty), b.get(name, empty)) for name in sorted({*a, *b})}


def write_metrics(out: bytearray, metrics: Mapping[str, MetricSketch]) -> None:
    """Append metrics in the order of their names; nothing if there are none.

    Raises:
        SketchError: They are too many, a name is too long, or a metric has no value.
    """
    if not metrics:
        return
    if len(metrics) > MAX_METRICS:
        raise SketchError(f"{len(metrics)} metrics, limit {MAX_METRICS}")
    append(out, len(metrics))
    for name, metric in sorted(metrics.items()):
        written = name.encode(errors="replace")
        if not (0 < len(written) <= MAX_METRIC_NAME and metric.count):
            raise SketchError(f"metric {name[:MAX_METRIC_NAME]!r} has no value, or no name of {MAX_METRIC_NAME} bytes")
        append(out, len(written))
        out += written
        append(out, metric.count)
        out += _NUMBERS.pack(_held(metric.sum), _held(metric.sum_squares), metric.minimum, metric.maximum)


def read_metrics(data: bytes) -> dict[str, MetricSketch]:
    """Read what ``write_metrics`` has written, to the end.

    Raises:
        SketchError: The bytes are none of that.
    """
    if not data:
        return {}
    reader = Reader(data)
    count = reader.varint()
    if not 0 < count <= MAX_METRICS:
        raise SketchError(f"{count} metrics, limit {MAX_METRICS}")
    metrics = dict(_read_metric(reader) for _ in range(count))
    reader.finish()
    if len(metrics) < count:
        raise SketchError("a metric comes twice")
    return metrics


def _read_metric(reader: Reader) -> tuple[str, MetricSketch]:
    length = reader.varint()
    if not 0 < length <= MAX_METRIC_NAME:
        raise SketchError(f"name of a metric of {length} bytes, limit {MAX_METRIC_NAME}")
    try:
        name = reader.take(length).decode()
    except UnicodeDecodeError as error:
        raise SketchError(f"malformed name of a metric: {error}") from error
    count = reader.varint()
    total, squares, minimum, maximum = numbers = _NUMBERS.unpack(reader.take(_NUMBERS.size))
    if not (count and all(map(math.isfinite, numbers)) and minimum <= maximum and squares >= 0.0):
        raise SketchError(f"impossible metric {name!r}")
    return name, MetricSketch(count=count, sum=total, sum_squares=squares, minimum=minimum, maximum=maximum)


def _held(value: float) -> float:
    """Hold a sum that has left float64's range to its end."""
    return min(max(value, -sys.float_info.max), sys.float_info.max)
