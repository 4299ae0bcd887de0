"""``leeway-agent score``: rows in, scores out, no fleet."""

import array
import csv
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import BinaryIO, TextIO

from device_contract.bundle import open_file
from device_contract.errors import RowError
from edge_agent.errors import RowRefusedError
from edge_agent.rows import Record, RowReader, parse_cells, parse_json_row
from edge_agent.scoring.scorer import Scorer
from edge_agent.sinks.stdout import score_line

NumberedRow = tuple[int, Record | RowRefusedError]


def score_stream(path: Path, rows: BinaryIO, scores: BinaryIO, complaints: TextIO) -> int:
    """Score every row of a stream; a bad one gets a line among the complaints and the rest goes on.

    Args:
        path: The bundle.
        rows: NDJSON, or CSV with a header; the first line tells which.
        scores: NDJSON, one line a good row.
        complaints: One line a bad row.

    Returns:
        The number of bad rows.

    Raises:
        ContractError: The bundle or its model is not sound.
    """
    manifest = open_file(path).manifest
    scorer, reader = Scorer.open(path), RowReader(manifest.features)
    outputs = array.array("d", bytes(8 * len(manifest.outputs)))
    failed = 0
    for number, row in read_rows(rows):
        try:
            record = _sound(row)
            scorer.score_into(reader.read(record), outputs)
            scores.write(score_line(record.time_ms, outputs, manifest.labels))
        except (RowRefusedError, RowError) as error:
            failed += 1
            complaints.write(f"line {number}: {error}\n")
    scores.flush()
    if failed:
        complaints.write(f"{failed} rows failed\n")
    return failed


def read_rows(rows: BinaryIO) -> Iterator[NumberedRow]:
    """Yield each row with its line number; a first line that opens no JSON is a CSV header."""
    first = rows.readline()
    lines = chain([first], rows)
    return _csv_rows(lines) if first.strip() and first.lstrip()[:1] not in {b"{", b"["} else _json_rows(lines)


def _json_rows(lines: Iterator[bytes]) -> Iterator[NumberedRow]:
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                yield number, parse_json_row(line)
            except RowRefusedError as error:
                yield number, error


def _csv_rows(lines: Iterator[bytes]) -> Iterator[NumberedRow]:
    reader = csv.reader(line.decode("utf-8", "replace") for line in lines)
    names = next(reader)
    for cells in reader:
        if cells:
            try:
                yield reader.line_num, parse_cells(names, cells)
            except RowRefusedError as error:
                yield reader.line_num, error


def _sound(row: Record | RowRefusedError) -> Record:
    if isinstance(row, RowRefusedError):
        raise row
    return row
