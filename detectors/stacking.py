"""The summaries of one window laid out as arrays."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from detectors.arrays import Floats, Names
from detectors.reference import Reference
from detectors.windows import Tables, WindowArrays, checked, empty_tables
from device_contract.errors import SketchError
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
    tables = empty_tables(reference, _names(windows))
    room = _Room(reader, reference.mean)
    faults = list(tables.faults)
    for row, window in enumerate(windows):
        try:
            room.read(window.summary, tables, row)
        except SketchError as error:
            faults[row] = str(error)
    return checked(replace(tables, faults=faults), phase)


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
        sketch.longest_run,
        sketch.mean if finite else 0.0,
        math.sqrt(sketch.variance) if finite else 0.0,
        sketch.lag1_correlation,
    )


def _correlations(comoments: Comoments) -> Floats:
    return correlations_of(comoments.rows, np.array(comoments.sums), np.array(comoments.products))


def correlations_of(rows: float, sums: Floats, products: Floats) -> Floats:
    """Return the correlations of all pairs, row by row of the upper triangle; 0 with a constant.

    Args:
        rows: Rows in the sums.
        sums: (F,), of standardised values.
        products: (F (F + 1) / 2,), of their products, row by row of the upper triangle.
    """
    n = len(sums)
    covariance = np.zeros((n, n))
    covariance[np.triu_indices(n)] = products / rows
    covariance -= np.outer(sums, sums) / rows**2
    deviation = np.sqrt(np.maximum(np.diag(covariance), 0.0))
    scale = np.outer(deviation, deviation)
    correlation = np.divide(covariance, scale, out=np.zeros_like(scale), where=scale > 0.0)
    pairs: Floats = np.clip(correlation[np.triu_indices(n, 1)], -1.0, 1.0)
    return pairs


class _Room:
    """Where a reader puts one summary, before it is laid out.

    Args:
        reader: Of the baseline.
        pivot: (S,), the streams' means in training.
    """

    def __init__(self, reader: SummaryReader, pivot: Floats) -> None:
        self._reader = reader
        self._pivot = pivot
        self._counts = np.zeros((reader.n_streams, reader.n_bins), np.int64)
        self._streams = np.zeros((reader.n_streams, len(STREAM_NUMBERS)))
        self._window = np.zeros(len(WINDOW_NUMBERS))
        self._scores = np.zeros(reader.n_score_bins, np.int64)
        self._attributions = np.zeros(reader.n_features)
        self._comoments = np.zeros(reader.n_comoments)

    def read(self, data: bytes, tables: Tables, row: int) -> None:
        """Read a summary into its row of the tables."""
        self._reader.read_into(
            data, self._counts, self._streams, self._window, self._scores, self._attributions, self._comoments
        )
        tables.counts[row] = self._counts
        tables.rows[row] = self._window[_WINDOW["rows"]]
        tables.projected[row] = self._window[_PROJECTED]
        tables.explained[row] = self._window[_WINDOW["explained_rows"]]
        tables.attributions[row] = self._attributions
        self._lay_out_streams(tables.streams[row])
        related = self._window[_WINDOW["comoment_rows"]]
        if related and tables.correlations.shape[1]:
            n = int((np.sqrt(9 + 8 * len(self._comoments)) - 3) / 2)
            tables.related_rows[row] = related
            tables.correlations[row] = correlations_of(related, self._comoments[:n], self._comoments[n:])

    def _lay_out_streams(self, columns: Floats) -> None:
        numbers = self._streams.T
        columns[:, 0] = numbers[_STREAM["missing"]] + numbers[_STREAM["infinite"]]
        columns[:, 1] = numbers[_STREAM["out_of_range"]]
        columns[:, 2] = self._counts.sum(axis=1) - numbers[_STREAM["lag_pairs"]]
        columns[:, 3] = numbers[_STREAM["repeats"]]
        columns[:, 4] = numbers[_STREAM["longest_run"]]
        columns[:, 5] = self._pivot + numbers[_STREAM["offset"]]
        columns[:, 6] = np.sqrt(numbers[_STREAM["variance"]])
        columns[:, 7] = numbers[_STREAM["lag1_correlation"]]
