"""What a report says beside its streams: latency, projection, score, resources, the application's metrics.

The columns are those of ``GET /api/v1/models/{model}/reports``: a row for each window. What
nothing was measured of is null.
"""

import math
from collections.abc import Iterable
from typing import Any, Final

import pyarrow as pa

from device_contract.sketches import WindowSummary
from device_contract.sketches.metrics import MetricSketch
from fleet_server.tabular import batch
from fleet_server.telemetry.frames import WINDOW_FIELDS
from fleet_server.telemetry.history import DecodedWindow

METRIC: Final = pa.struct(
    [
        ("name", pa.string()),
        ("count", pa.int64()),
        ("mean", pa.float64()),
        ("standard_deviation", pa.float64()),
        ("minimum", pa.float64()),
        ("maximum", pa.float64()),
    ]
)

REPORTS: Final = pa.schema(
    [
        *WINDOW_FIELDS,
        ("latency_p50_us", pa.float64()),
        ("latency_p99_us", pa.float64()),
        ("t2_mean", pa.float64()),
        ("q_mean", pa.float64()),
        ("score_counts", pa.list_(pa.int64())),
        ("explained_rows", pa.int64()),
        ("cpu_s", pa.float64()),
        ("peak_rss_bytes", pa.int64()),
        ("metrics", pa.list_(METRIC)),
    ]
)
"""A row for each window."""


def reports_batch(windows: Iterable[DecodedWindow]) -> pa.RecordBatch:
    """Lay out windows, a row for each."""
    return batch(REPORTS, ({**window.row.model_dump(), **report_figures(window.summary)} for window in windows))


def report_figures(summary: WindowSummary) -> dict[str, Any]:
    """Return the figures of a window by the names of their columns."""
    projection = summary.projection
    return {
        "latency_p50_us": summary.latency.quantile_ns(0.5) / 1000,
        "latency_p99_us": summary.latency.quantile_ns(0.99) / 1000,
        "t2_mean": projection.t2 / projection.rows if projection.rows else None,
        "q_mean": projection.q / projection.rows if projection.rows else None,
        "score_counts": list(summary.score_counts),
        "explained_rows": summary.attributions.rows,
        "cpu_s": summary.resources.cpu_ns / 1e9,
        "peak_rss_bytes": summary.resources.peak_rss_bytes,
        "metrics": [{"name": name, **_metric_figures(metric)} for name, metric in summary.metrics.items()],
    }


def _metric_figures(metric: MetricSketch) -> dict[str, Any]:
    mean = metric.sum / metric.count
    variance = max(metric.sum_squares / metric.count - mean * mean, 0.0)
    return {
        "count": metric.count,
        "mean": mean,
        "standard_deviation": math.sqrt(variance),
        "minimum": metric.minimum,
        "maximum": metric.maximum,
    }
