"""``replay:FILE[?speed=F&start=ISO&end=ISO]``: recorded rows, in the order of the file.

CSV with a header, or Parquet (which needs pyarrow; it is imported then and not
before). The column ``time`` is the event time. With ``speed`` the rows come that many
times faster than they were measured, without it as fast as they are scored. A replay
waits until a model is active, and the agent stays up when it ends.
"""

import csv
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from edge_agent.errors import RowRefusedError, SourceError
from edge_agent.rows import MAX_LINE_BYTES, TIME_NAME, Record, parse_cells, parse_time_ms
from edge_agent.sources.source import BadRow, take_options

OPTIONS: Final = {"speed", "start", "end"}
BATCH_ROWS: Final = 1024


class ReplaySource:
    """Rows of a file.

    Args:
        path: CSV, or Parquet by its ending ``.parquet``.
        speed: Event seconds in a real second; None is as fast as possible.
        start_ms: Rows before are left out.
        end_ms: Rows at or after are left out.
    """

    is_live = False

    def __init__(self, path: Path, speed: float | None, start_ms: int | None, end_ms: int | None) -> None:
        self._path = path
        self._speed = speed
        self._start_ms = start_ms
        self._end_ms = end_ms

    def read(self, stop: threading.Event) -> Iterator[Record | BadRow]:
        """Yield the rows at their pace.

        Raises:
            SourceError: The file cannot be read.
        """
        pace = _Pace(self._speed, stop)
        rows = _parquet_rows(self._path) if self._path.suffix == ".parquet" else _csv_rows(self._path)
        for row in rows:
            if stop.is_set():
                return
            if isinstance(row, Record) and row.time_ms is not None:
                if not self._is_inside(row.time_ms):
                    continue
                pace.wait_for(row.time_ms)
            yield row

    def _is_inside(self, time_ms: int) -> bool:
        after_start = self._start_ms is None or time_ms >= self._start_ms
        return after_start and (self._end_ms is None or time_ms < self._end_ms)


class _Pace:
    """Keeps event time at a multiple of real time, counted from the first row."""

    def __init__(self, speed: float | None, stop: threading.Event) -> None:
        self._speed = speed
        self._stop = stop
        self._origin: tuple[int, float] | None = None

    def wait_for(self, time_ms: int) -> None:
        if self._speed is None:
            return
        first_ms, began_s = self._origin = self._origin or (time_ms, time.monotonic())
        ahead_s = (time_ms - first_ms) / 1000 / self._speed - (time.monotonic() - began_s)
        if ahead_s > 0:
            self._stop.wait(ahead_s)


def _csv_rows(path: Path) -> Iterator[Record | BadRow]:
    csv.field_size_limit(MAX_LINE_BYTES)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file)
            names = next(reader, [])
            for cells in reader:
                if cells:
                    yield _csv_row(names, cells)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise SourceError(f"cannot read {path}: {error}") from error


def _csv_row(names: Sequence[str], cells: Sequence[str]) -> Record | BadRow:
    try:
        return parse_cells(names, cells)
    except RowRefusedError as error:
        return BadRow(error.reason, str(error))


def _parquet_rows(path: Path) -> Iterator[Record | BadRow]:
    try:
        from pyarrow import ArrowException, parquet  # noqa: PLC0415  (60 MB that only Parquet needs)
    except ImportError as error:
        raise SourceError(f"{path}: Parquet needs pyarrow; install it or replay a CSV file") from error
    try:
        with parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=BATCH_ROWS, use_threads=False):
                for values in batch.to_pylist():
                    yield _parquet_row(values)
    except (OSError, ArrowException) as error:
        raise SourceError(f"cannot read {path}: {error}") from error


def _parquet_row(values: Mapping[str, Any]) -> Record | BadRow:
    if values.get(TIME_NAME) is None:
        return Record(values)
    try:
        return Record(values, parse_time_ms(values[TIME_NAME]))
    except RowRefusedError as error:
        return BadRow(error.reason, str(error))


def open_source(address: str, options: Mapping[str, str]) -> ReplaySource:
    """Open a recording.

    Raises:
        SourceError: There is no such file, or an option is wrong.
    """
    take_options(options, OPTIONS)
    path = Path(address)
    if not path.is_file():
        raise SourceError(f"no file {address!r} to replay")
    try:
        speed = float(options["speed"]) if "speed" in options else None
        start_ms, end_ms = (parse_time_ms(options[name]) if name in options else None for name in ("start", "end"))
    except (ValueError, RowRefusedError) as error:
        raise SourceError(f"replay of {address!r}: {error}") from error
    if speed is not None and not 0 < speed < float("inf"):
        raise SourceError(f"replay of {address!r}: speed is a number above 0, not {options['speed']!r}")
    return ReplaySource(path, speed, start_ms, end_ms)
