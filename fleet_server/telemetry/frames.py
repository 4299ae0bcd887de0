"""Windows as columns: a row for each stream of each window, or for each of its bins.

The columns are those that ``GET /api/v1/models/{model}/windows`` and ``.../histograms`` send
as Arrow and CSV, and that the archive keeps. What no finite value defines is null.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, Final

import pyarrow as pa

from device_contract.baseline import StreamBaseline
from device_contract.sketches import StreamSketch, WindowSummary
from fleet_server.tabular import TIME
from fleet_server.telemetry.history import DecodedWindow
from fleet_server.telemetry.tables import WindowRow

_WINDOW: Final[Mapping[str, tuple[pa.DataType, Callable[[WindowRow], Any]]]] = {
    "device_id": (pa.string(), lambda row: row.device_id),
    "model": (pa.string(), lambda row: row.model),
    "version": (pa.string(), lambda row: row.version),
    "slot": (pa.string(), lambda row: row.slot),
    "window_start": (TIME, lambda row: row.window_start_ms),
    "window_end": (TIME, lambda row: row.window_end_ms),
    "boot_id": (pa.string(), lambda row: row.boot_id),
    "sequence": (pa.int64(), lambda row: row.sequence),
    "received": (TIME, lambda row: row.received_ms),
    "baseline_sha256": (pa.string(), lambda row: row.baseline_sha256),
    "merged_windows": (pa.int64(), lambda row: row.merged_windows),
    "rows": (pa.int64(), lambda row: row.rows),
}
"""What all streams of a window share."""

WINDOW_FIELDS: Final = tuple(pa.field(name, kind) for name, (kind, _) in _WINDOW.items())

_STREAM: Final[Mapping[str, tuple[pa.DataType, Callable[[StreamBaseline, StreamSketch], Any]]]] = {
    "stream": (pa.string(), lambda reference, _: reference.name),
    "role": (pa.string(), lambda reference, _: reference.role),
    "kind": (pa.string(), lambda reference, _: reference.kind),
    "finite": (pa.int64(), lambda _, sketch: sketch.finite),
    "missing": (pa.int64(), lambda _, sketch: sketch.missing),
    "infinite": (pa.int64(), lambda _, sketch: sketch.infinite),
    "out_of_range": (pa.int64(), lambda _, sketch: sketch.out_of_range),
    "repeats": (pa.int64(), lambda _, sketch: sketch.repeats),
    "longest_run": (pa.int64(), lambda _, sketch: sketch.longest_run),
    "mean": (pa.float64(), lambda _, sketch: defined(sketch.mean)),
    "standard_deviation": (pa.float64(), lambda _, sketch: defined(math.sqrt(sketch.variance))),
    "minimum": (pa.float64(), lambda _, sketch: defined(sketch.minimum)),
    "maximum": (pa.float64(), lambda _, sketch: defined(sketch.maximum)),
    "lag1_correlation": (pa.float64(), lambda _, sketch: sketch.lag1_correlation),
    "training_mean": (pa.float64(), lambda reference, _: reference.mean),
    "training_standard_deviation": (pa.float64(), lambda reference, _: reference.standard_deviation),
    "edges": (pa.list_(pa.float64()), lambda reference, _: reference.edges),
    "counts": (pa.list_(pa.int64()), lambda _, sketch: sketch.counts),
}

WINDOWS: Final = pa.schema(
    [*WINDOW_FIELDS, *((name, kind) for name, (kind, _) in _STREAM.items()), ("mean_attribution", pa.float64())]
)
"""A row for each stream of each window; ``counts`` has one bin more than ``edges`` has edges."""

_HISTOGRAM_WINDOW: Final = ("device_id", "model", "version", "slot", "window_start", "window_end")

HISTOGRAMS: Final = pa.schema(
    [
        *((name, _WINDOW[name][0]) for name in _HISTOGRAM_WINDOW),
        ("stream", pa.string()),
        ("role", pa.string()),
        ("bin", pa.int64()),
        ("lower", pa.float64()),
        ("upper", pa.float64()),
        ("count", pa.int64()),
        ("share", pa.float64()),
        ("training_share", pa.float64()),
    ]
)
"""A row for each bin of each stream of each window; the outermost bins reach to the infinities."""


def windows_batch(windows: Iterable[DecodedWindow], streams: Collection[str] = ()) -> pa.RecordBatch:
    """Lay out windows by stream.

    Args:
        windows: Of any models and baselines.
        streams: These features and outputs alone; empty means all.
    """
    columns: dict[str, list[Any]] = defaultdict(list)
    for window in windows:
        pairs = _pairs(window, streams)
        for name, (_, value) in _WINDOW.items():
            columns[name] += [value(window.row)] * len(pairs)
        for name, (_, measure) in _STREAM.items():
            columns[name] += [measure(*pair) for pair in pairs]
        attributions = mean_attributions(window.summary)
        columns["mean_attribution"] += [attributions.get(place) for place in _places(window, streams)]
    return _batch(WINDOWS, columns)


def histograms_batch(windows: Iterable[DecodedWindow], streams: Collection[str] = ()) -> pa.RecordBatch:
    """Lay out windows by stream and bin; the arguments are those of ``windows_batch``."""
    columns: dict[str, list[Any]] = defaultdict(list)
    for window in windows:
        for reference, sketch in _pairs(window, streams):
            bins = len(sketch.counts)
            for name in _HISTOGRAM_WINDOW:
                columns[name] += [_WINDOW[name][1](window.row)] * bins
            columns["stream"] += [reference.name] * bins
            columns["role"] += [reference.role] * bins
            columns["bin"] += range(bins)
            columns["lower"] += [-math.inf, *reference.edges]
            columns["upper"] += [*reference.edges, math.inf]
            columns["count"] += sketch.counts
            columns["share"] += _shares(sketch.counts)
            columns["training_share"] += _shares(reference.counts)
    return _batch(HISTOGRAMS, columns)


def defined(value: float) -> float | None:
    """Return a finite value as it is, anything else as None."""
    return value if math.isfinite(value) else None


def mean_attributions(summary: WindowSummary) -> dict[int, float]:
    """Return what each feature's place added to a score on average, in absolute value; empty if none was explained."""
    explained = summary.attributions
    return {place: total / explained.rows for place, total in enumerate(explained.sums)} if explained.rows else {}


def _places(window: DecodedWindow, streams: Collection[str]) -> list[int]:
    references = enumerate(window.baseline.streams)
    return [place for place, reference in references if not streams or reference.name in streams]


def _pairs(window: DecodedWindow, streams: Collection[str]) -> list[tuple[StreamBaseline, StreamSketch]]:
    found = window.baseline.streams, window.summary.streams
    return [(found[0][place], found[1][place]) for place in _places(window, streams)]


def _shares(counts: tuple[int, ...]) -> list[float | None]:
    total = sum(counts)
    return [count / total if total else None for count in counts]


def _batch(schema: pa.Schema, columns: Mapping[str, list[Any]]) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([pa.array(columns[field.name], field.type) for field in schema], schema=schema)
