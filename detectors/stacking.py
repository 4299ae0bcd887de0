"""The summaries of one window laid out as arrays."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from detectors.arrays import Floats, Names
from detectors.correlations import correlations_of
from detectors.reference import Reference
from detectors.windows import Tables, WindowArrays, checked, empty_tables
from device_contract.sketches import (
    STREAM_NUMBERS,
    WINDOW_NUMBERS,
    Comoments,
    StreamSketch,
    SummaryReader,
    WindowSummary,
)

_STREAM = {name: place for place, name in enumerate(STREAM_NUMBERS)}
_WINDOW = {name: place for place, name in enumerate(WINDOW_NUMBERS)}
_PROJECTED = [_WINDOW[name] for name in ("projected_rows", "t2", "t2_squares", "q", "q_squares")]


@dataclass(frozen=True)
class DeviceWindow:
    """What one device says of one window."""

    device: str
    group: str
    """Devices of one group are peers."""
    version: str
    """Of the model that made the outputs."""
    summary: WindowSummary


@dataclass(frozen=True)
class EncodedWindow:
    """The same, as the device sent it."""

    device: str
    group: str
    version: str
    summary: bytes


def stack(reference: Reference, windows: Sequence[DeviceWindow], phase: int = 0) -> WindowArrays:
    """Lay out one window of many devices.

    Args:
        reference: Of the baseline that they were counted with.
        windows: Each device once.
        phase: Of the season.
    """
    tables = empty_tables(reference, _names(windows))
    for row, window in enumerate(windows):
        _lay_out(tables, row, window.summary)
    return checked(tables, phase)


def stack_encoded(
    reference: Reference, reader: SummaryReader, windows: Sequence[EncodedWindow], phase: int = 0
) -> WindowArrays:
    """Lay out one window of many devices, from its bytes: some microseconds a device.

    A summary that cannot be read makes its device unsound, and the others none the worse.

    Args:
        reference: Of the baseline that they were counted with.
        reader: Of the same baseline.
        windows: Each device once.
        phase: Of the season.
    """
    room = _Room(reader, len(windows))
    faults = room.read([window.summary for window in windows])
    return checked(replace(room.tables(reference, _names(windows)), faults=faults), phase)


def _names(windows: Sequence[DeviceWindow] | Sequence[EncodedWindow]) -> Names:
    names = [(window.device, window.group, window.version) for window in windows]
    return np.array(names, np.str_).reshape(len(windows), 3)


def _lay_out(tables: Tables, row: int, summary: WindowSummary) -> None:
    tables.rows[row] = summary.rows
    for column, sketch in enumerate(summary.streams):
        tables.counts[row, column, : len(sketch.counts)] = sketch.counts
        tables.streams[row, column] = _columns(sketch)
    sums = summary.projection
    tables.projected[row] = (sums.rows, sums.t2, sums.t2_squares, sums.q, sums.q_squares)
    if summary.attributions.rows:
        tables.explained[row], tables.attributions[row] = summary.attributions.rows, summary.attributions.sums
    if summary.comoments is not None and tables.correlations.shape[1]:
        tables.related_rows[row] = summary.comoments.rows
        tables.correlations[row] = _correlations(summary.comoments)


def _columns(sketch: StreamSketch) -> tuple[float, ...]:
    finite = sketch.finite
    return (
        sketch.missing + sketch.infinite,
        sketch.out_of_range,
        finite - sketch.lag_pairs,
        sketch.repeats,
        sketch.mean if finite else 0.0,
        math.sqrt(sketch.variance) if finite else 0.0,
        sketch.lag1_correlation,
    )


def _correlations(comoments: Comoments) -> Floats:
    sums, products = np.array([comoments.sums]), np.array([comoments.products])
    pairs: Floats = correlations_of(np.array([comoments.rows], np.float64), sums, products)[0]
    return pairs


class _Room:
    """Where a reader puts the summaries of ``n`` devices, before they are laid out.

    Args:
        reader: Of the baseline.
        n: How many devices.
    """

    def __init__(self, reader: SummaryReader, n: int) -> None:
        self._reader = reader
        self._counts = np.zeros((n, reader.n_streams, reader.n_bins), np.int64)
        self._streams = np.zeros((n, reader.n_streams, len(STREAM_NUMBERS)))
        self._window = np.zeros((n, len(WINDOW_NUMBERS)))
        self._attributions = np.zeros((n, reader.n_features))
        self._comoments = np.zeros((n, reader.n_comoments))

    def read(self, summaries: Sequence[bytes]) -> list[str]:
        """Read the summaries; returns why each cannot be read, empty if it can."""
        rooms = (self._counts, self._streams, self._window, self._attributions, self._comoments)
        return self._reader.read_rows(summaries, *rooms)

    def tables(self, reference: Reference, names: Names) -> Tables:
        """Lay out what was read."""
        tables = empty_tables(reference, names)
        tables.counts[:] = self._counts
        tables.rows[:] = self._window[:, _WINDOW["rows"]]
        tables.projected[:] = self._window[:, _PROJECTED]
        tables.explained[:] = self._window[:, _WINDOW["explained_rows"]]
        tables.attributions[:] = self._attributions
        self._lay_out_streams(tables.streams, reference.mean)
        related = self._window[:, _WINDOW["comoment_rows"]]
        told = np.flatnonzero(related)
        if len(told) and tables.correlations.shape[1]:
            n = int((np.sqrt(9 + 8 * self._comoments.shape[1]) - 3) / 2)
            sums, products = self._comoments[told, :n], self._comoments[told, n:]
            tables.related_rows[told] = related[told]
            tables.correlations[told] = correlations_of(related[told], sums, products)
        return tables

    def _lay_out_streams(self, columns: Floats, pivot: Floats) -> None:
        numbers = {name: self._streams[..., place] for name, place in _STREAM.items()}
        columns[..., 0] = numbers["missing"] + numbers["infinite"]
        columns[..., 1] = numbers["out_of_range"]
        columns[..., 2] = self._counts.sum(axis=2) - numbers["lag_pairs"]
        columns[..., 3] = numbers["repeats"]
        columns[..., 4] = pivot + numbers["offset"]
        columns[..., 5] = np.sqrt(numbers["variance"])
        columns[..., 6] = numbers["lag1_correlation"]
