"""The answer to a query, as text, CSV, JSON or Parquet."""

import io
import json
import math
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console
from rich.table import Table

from fleet_server.archive.result_format import ResultFormat
from fleet_server.tabular import csv_chunks

_ANY_WIDTH: Final = 1_000_000  # characters; more than any row has
_PADDING: Final = (0, 2, 0, 0)


def written(table: pa.Table, form: ResultFormat, *, width: int) -> bytes:
    """Write an answer.

    Args:
        table: The answer.
        form: How.
        width: Characters in a line of text; where a table is wider, its rows stand one below the other.
    """
    match form:
        case ResultFormat.TEXT:
            return _text(table, width)
        case ResultFormat.CSV:
            return b"".join(csv_chunks(table.schema, table.to_batches()))
        case ResultFormat.JSON:
            rows = [{name: _plain(value) for name, value in row.items()} for row in table.to_pylist()]
            return json.dumps(rows, indent=2).encode() + b"\n"
        case ResultFormat.PARQUET:
            sink = io.BytesIO()
            pq.write_table(table, sink, compression="zstd")
            return sink.getvalue()


def _text(table: pa.Table, width: int) -> bytes:
    sink = io.StringIO()
    console = Console(file=sink, width=width, markup=False, highlight=False)
    rows = [list(map(_cell, line)) for line in zip(*(column.to_pylist() for column in table.columns), strict=True)]
    shown = Table(*table.column_names, box=None, padding=_PADDING)
    for row in rows:
        shown.add_row(*row)
    if rows and console.measure(shown, options=console.options.update(max_width=_ANY_WIDTH)).maximum > width:
        _print_one_below_the_other(console, table.column_names, rows)
    else:
        console.print(shown)
    return sink.getvalue().encode()


def _print_one_below_the_other(console: Console, names: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    for number, row in enumerate(rows):
        if number:
            console.print()
        shown = Table(box=None, show_header=False, padding=_PADDING)
        shown.add_column(no_wrap=True)
        shown.add_column(overflow="fold")
        for name, value in zip(names, row, strict=True):
            shown.add_row(name, value)
        console.print(shown)


def _cell(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, list):
        return f"[{', '.join(map(_cell, value))}]"
    text = f"{value:.4g}" if isinstance(value, float) else str(value)
    # Names come from devices: no escape sequence of theirs reaches the terminal.
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)


def _plain(value: Any) -> Any:  # noqa: ANN401  (whatever a column holds)
    """Return what JSON has for a value: numbers as numbers, times in ISO 8601, nothing for NaN."""
    if isinstance(value, list):
        return [_plain(part) for part in value]
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, str | int | bool) else str(value)
