"""Judged windows as rows: one for each stream of each device's window, and for each chart of the fleet's."""

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from detectors.charts import ALL_FEATURES
from detectors.effect_sizes import EFFECT_SIZES
from fleet_server.drift.fleet_frames import FleetFrame
from fleet_server.drift.judged import JudgedHalf, decode_judged
from fleet_server.drift.tables import FleetWindowRow, JudgedWindowRow
from fleet_server.drift.verdict import DEVICE_KINDS
from fleet_server.tabular import TIME

Json = dict[str, Any]

DRIFT: Final = pa.schema(
    [
        ("device_id", pa.string()),
        ("model", pa.string()),
        ("version", pa.string()),
        ("window_start", TIME),
        ("window_end", TIME),
        ("rows", pa.int64()),
        ("stream", pa.string()),
        ("role", pa.string()),
        *(
            (f"{kind}_{figure}", pa.float64() if figure == "severity" else pa.string())
            for kind in DEVICE_KINDS
            for figure in ("severity", "channel")
        ),
        ("drifts", pa.list_(pa.string())),
        ("differences", pa.map_(pa.string(), pa.float64())),
        *((name, pa.float64()) for name in EFFECT_SIZES),
    ]
)
"""A row for each stream of a device's window. A severity is that of the stream's most severe chart,
with its sign, and 1 is at the level; null where there was nothing to compare with. ``drifts`` names the
comparisons that are alarmed."""

FLEET: Final = pa.schema(
    [
        ("model", pa.string()),
        ("window_start", TIME),
        ("window_end", TIME),
        ("group", pa.string()),
        ("devices", pa.int64()),
        ("stream", pa.string()),
        ("role", pa.string()),
        ("channel", pa.string()),
        ("movement", pa.float64()),
        ("severity", pa.float64()),
        ("share_of_devices", pa.float64()),
    ]
)
"""A row for each chart of the common movement of each group of devices."""


def stream_rows(row: JudgedWindowRow, frames: Mapping[str, FleetFrame]) -> Iterator[Json]:
    """Lay out a device's window by stream.

    Args:
        row: The judged window.
        frames: The fleet's window, by reference: it names the charts.
    """
    shared = {
        "device_id": row.device_id,
        "model": row.model,
        "version": row.version,
        "window_start_ms": row.start_ms,
        "window_end_ms": row.end_ms,
        "rows": row.rows,
    }
    for half in decode_judged(row.data):
        if half.reference in frames:
            for told in _half_rows(half, frames[half.reference]):
                yield {**shared, **told}


def charts_by_stream(frame: FleetFrame) -> dict[str, NDArray[np.intp]]:
    """Return the columns of each stream, in the order of the streams."""
    shown = frame.shown
    streams = np.array(frame.streams)[shown]
    return {name: shown[streams == name] for name in dict.fromkeys(streams.tolist())}


def fleet_rows(row: FleetWindowRow, frame: FleetFrame) -> Iterator[Json]:
    """Lay out the fleet's window by group and chart."""
    movement, ratios, moving = (frame.array(name) for name in ("movement", "ratios", "moving"))
    for place, group in enumerate(frame.groups):
        for column in frame.shown.tolist():
            yield {
                "model": row.model,
                "window_start_ms": row.start_ms,
                "window_end_ms": row.end_ms,
                "group": group,
                "devices": row.devices,
                "stream": frame.streams[column],
                "role": frame.roles[column],
                "channel": frame.channels[column],
                "movement": float(movement[place, column]),
                "severity": float(ratios[place, column]),
                "share_of_devices": float(moving[place, column]),
            }


def evidence(halves: Iterable[JudgedHalf], frames: Mapping[str, FleetFrame], kind: int) -> Json:
    """Return one comparison's figures of a device's window, by stream, the most severe first.

    Args:
        halves: The judged window's.
        frames: The fleet's window, by reference.
        kind: The comparison, as its place among ``DEVICE_KINDS``.
    """
    found: list[tuple[float, str, Json]] = []
    for half in halves:
        if half.reference in frames:
            found += _half_evidence(half, frames[half.reference], kind)
    return {name: told for _, name, told in sorted(found, key=lambda item: (-item[0], item[1]))}


def most_severe(told: Mapping[str, Json]) -> float:
    """Return the severity of the most severe chart in what ``evidence`` gave; 0 for none."""
    severities = (chart["severity"] for stream in told.values() for chart in stream["channels"].values())
    return max((abs(severity) for severity in severities if severity is not None), default=0.0)


def _half_rows(half: JudgedHalf, frame: FleetFrame) -> Iterator[Json]:
    severities, alarmed = half.severity_array(), half.alarmed_array()
    differences, sizes = half.difference_array(), half.effect_size_array()
    for place, (stream, columns) in enumerate(charts_by_stream(frame).items()):
        if _is_empty(stream, severities[:, columns]):
            continue
        told: Json = {"stream": stream, "role": frame.roles[columns[0]]}
        for at, kind in enumerate(DEVICE_KINDS):
            own = severities[at, columns]
            leading = int(np.nan_to_num(np.abs(own), nan=-1.0).argmax())
            severity = told[f"{kind}_severity"] = _number(own[leading])
            told[f"{kind}_channel"] = frame.channels[columns[leading]] if severity is not None else None
        told["drifts"] = [kind for at, kind in enumerate(DEVICE_KINDS) if alarmed[at, columns].any()]
        told["differences"] = {frame.channels[column]: value for column, value in _defined(columns, differences)}
        yield told | _sizes(sizes, place)


def _half_evidence(half: JudgedHalf, frame: FleetFrame, kind: int) -> Iterator[tuple[float, str, Json]]:
    severities, alarmed = half.severity_array()[kind], half.alarmed_array()[kind]
    differences, sizes = half.difference_array(), half.effect_size_array()
    for place, (stream, columns) in enumerate(charts_by_stream(frame).items()):
        if _is_empty(stream, severities[columns]):
            continue
        channels = {
            frame.channels[column]: {
                "severity": _number(severities[column]),
                "drifts": bool(alarmed[column]),
                "difference": _number(differences[column]),
            }
            for column in columns
        }
        told = {"drifts": bool(alarmed[columns].any()), "channels": channels, "effect_sizes": _sizes(sizes, place)}
        yield float(np.abs(np.nan_to_num(severities[columns])).max()), stream, told


def _is_empty(stream: str, severities: NDArray[np.float64]) -> bool:
    """Tell whether a device says nothing of its features together: it sends neither projections nor contributions."""
    return stream == ALL_FEATURES and not np.nan_to_num(severities).any()


def _sizes(sizes: NDArray[np.float64], place: int) -> dict[str, float | None]:
    """Return a stream's effect sizes; there are none of all features together, which come last."""
    if place >= len(sizes):
        return dict.fromkeys(EFFECT_SIZES)
    return {name: _number(size) for name, size in zip(EFFECT_SIZES, sizes[place], strict=True)}


def _defined(columns: NDArray[np.intp], values: NDArray[np.float64]) -> Iterable[tuple[int, float]]:
    return ((int(column), float(values[column])) for column in columns if math.isfinite(values[column]))


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
