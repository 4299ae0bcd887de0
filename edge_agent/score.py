"""``leeway-agent score``: rows in, scores out, no fleet."""

import array
import codecs
import csv
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import BinaryIO, TextIO

from edge_agent.errors import RowRefusedError, SourceError
from edge_agent.frames import Reader, reader_for
from edge_agent.rows import MAX_LINE_BYTES, Record, parse_cells, parse_json_row
from edge_agent.scoring.labels import most_probable
from edge_agent.scoring.scorer import Scorer
from edge_agent.sinks.stdout import score_line

NumberedRow = tuple[int, Record | RowRefusedError]


def score_stream(path: Path, rows: BinaryIO, scores: BinaryIO, complaints: TextIO) -> int:
    """Score every row of a stream; a bad one gets a line among the complaints and the rest goes on.

    For a model with a frame each line is a sample, and a score comes for each frame that is complete.

    Args:
        path: The bundle.
        rows: NDJSON, or CSV with a header; the first line tells which.
        scores: NDJSON, one line a good row.
        complaints: One line a bad row.

    Returns:
        The number of bad rows.

    Raises:
        ContractError: The bundle or its model is not sound.
        SourceError: The header cannot be read.
    """
    scorer = Scorer.open(path)
    manifest = scorer.manifest
    reader = reader_for(manifest)
    outputs = array.array("d", bytes(8 * len(manifest.outputs)))
    failed = 0
    for number, row in read_rows(rows):
        time_ms, values = _read(reader, row)
        if isinstance(values, str):
            failed += 1
            complaints.write(f"line {number}: {values}\n")
        elif values is not None:
            scorer.score_into(values, outputs)
            scores.write(score_line(time_ms, outputs, most_probable(manifest.labels, outputs)))
    scores.flush()
    if failed:
        complaints.write(f"{failed} rows failed\n")
    return failed


def read_rows(rows: BinaryIO) -> Iterator[NumberedRow]:
    """Yield each row with its line number; a first line that opens no JSON is a CSV header."""
    first = rows.readline().removeprefix(codecs.BOM_UTF8)
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
    csv.field_size_limit(MAX_LINE_BYTES)
    reader = csv.reader(line.decode("utf-8", "replace") for line in lines)
    try:
        names = next(reader)
    except csv.Error as error:
        raise SourceError(f"cannot read the names of the columns: {error}") from error
    while True:
        try:
            cells = next(reader, None)
            if cells is None:
                return
            if cells:
                yield reader.line_num, parse_cells(names, cells)
        except csv.Error as error:
            yield reader.line_num, RowRefusedError("row_malformed", str(error))
        except RowRefusedError as error:
            yield reader.line_num, error


def _read(reader: Reader, row: Record | RowRefusedError) -> "tuple[int | None, array.array[float] | str | None]":
    """Return a record's time, and the row that it completes, if it does, or what is wrong with it.

    As text: an error that is kept holds the frames of the calls, and they the scorer, until some later time.
    """
    if isinstance(row, RowRefusedError):
        reader.skip()
        return None, str(row)
    try:
        return row.time_ms, reader.read(row)
    except RowRefusedError as error:
        reader.skip()
        return None, str(error)
