"""What a command shows: the API's JSON as it is, or tables for people.

A table names its columns by their path in the API's answer (``training.verdict``), so
that the documentation of the API is that of the tables. How a value is written follows
from its name and type: ``*_ms`` is a time in UTC, a mapping is ``key=value``.
"""

import json
import shutil
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from fleet_server.commands.table import GAP, table_within

NOTHING = "-"
MAX_TIME_MS = 250_000_000_000_000  # in the year 9892; datetime ends in 9999
MAX_WHOLE = 1e9  # a float below it that is a whole number is written as one: seconds, counts
PIPE_WIDTH = 500  # characters; a program that reads a pipe wants lines unbroken


@dataclass(frozen=True)
class Answer:
    """What a command found out.

    Attributes:
        body: The API's answer, shown as it is with ``--json``.
        columns: The table's columns for an answer with items; empty shows one record.
        record: Shown as that one record in place of the body, where people read it better.
        line: Shown alone in place of a table: what was done, or a secret to pipe on.
        note: Shown to the person beside the answer, on standard error.
        exit_code: The process's exit code.
    """

    body: dict[str, Any]
    columns: tuple[str, ...] = ()
    line: str = ""
    note: str = ""
    record: dict[str, Any] | None = field(default=None, kw_only=True)
    exit_code: int = field(default=0, kw_only=True)


def show(answer: Answer, *, as_json: bool) -> None:
    """Write an answer on standard output, and its note on standard error."""
    if as_json:
        sys.stdout.write(json.dumps(answer.body, indent=2) + "\n")
        return
    console = _console()
    if answer.line:
        sys.stdout.write(_printable(answer.line) + "\n")
    elif answer.columns:
        _show_rows(console, answer.body["items"], answer.columns)
        if answer.body.get("next_cursor"):
            sys.stderr.write("there are more: --all shows them\n")
    else:
        _show_record(console, answer.record or answer.body)
    if answer.note:
        sys.stderr.write(_printable(answer.note) + "\n")


def _console() -> Console:
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else PIPE_WIDTH
    return Console(file=sys.stdout, width=width, markup=False, highlight=False)


def _show_record(console: Console, record: dict[str, Any]) -> None:
    grid = Table(box=None, show_header=False, padding=(0, GAP, 0, 0))
    grid.add_column(style="bold", no_wrap=True)
    grid.add_column(overflow="fold")
    nested = {name: value for name, value in record.items() if _is_rows(value)}
    for name, value in record.items():
        if name not in nested:
            grid.add_row(heading(name), cell(name, value))
    console.print(grid)
    for name, rows in nested.items():
        console.print(Text(f"\n{heading(name)}", style="bold"))
        _show_rows(console, rows, tuple(dict.fromkeys(key for row in rows for key in row)))


def _is_rows(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, dict) for item in value)


def _show_rows(console: Console, rows: list[dict[str, Any]], columns: tuple[str, ...]) -> None:
    lines = [[Text(heading(column)) for column in columns]]
    lines += [[cell(column, value_at(row, column)) for column in columns] for row in rows]
    table = table_within(console.width, lines)
    if table:
        console.print(table)
        return
    for number, row in enumerate(rows):
        if number:
            console.print()
        _show_record(console, {column: value_at(row, column) for column in columns})


def heading(path: str) -> str:
    """Return the heading for a path: ``training.since_ms`` is ``training since``."""
    return path.removesuffix(".verdict").removesuffix("_ms").replace(".", " ").replace("_", " ")


def value_at(record: object, path: str) -> object:
    """Return what a path names in a record, in each of a list's items, or None where there is nothing."""
    name, _, rest = path.partition(".")
    if isinstance(record, list):
        return [value_at(item, path) for item in record]
    found = record.get(name) if isinstance(record, dict) else None
    return value_at(found, rest) if rest else found


def cell(path: str, value: object) -> Text:
    """Write a value for people; the last part of its path may name its unit."""
    return Text(_printable(_written(path, value)))


def _written(path: str, value: object) -> str:
    if value is None or value in ("", [], {}):
        return NOTHING
    if isinstance(value, dict):
        return ", ".join(f"{name}={_written(name, part)}" for name, part in value.items())
    if isinstance(value, list):
        return ", ".join(_written("", part) for part in value)
    return _written_scalar(path, value)


def _written_scalar(path: str, value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int) and path.endswith("_ms") and abs(value) <= MAX_TIME_MS:
        return datetime.fromtimestamp(value / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < MAX_WHOLE else f"{value:.4g}"
    return str(value)


def _printable(text: str) -> str:
    # Names and reasons come from devices: no escape sequence of theirs reaches the terminal.
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)
