"""Numbers that the application gives beside its rows, by name."""

import math
from collections.abc import Mapping
from typing import Final

import msgspec

MAX_METRICS: Final = 32
"""Names of one window."""
MAX_METRIC_NAME: Final = 64
"""Bytes of a name, in UTF-8."""


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
