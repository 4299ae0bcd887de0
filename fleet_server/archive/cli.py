"""``leeway-fleet query``: SQL and named questions over the archive."""

import shutil
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fleet_server.archive.result_format import ResultFormat
from fleet_server.errors import QuestionError
from fleet_server.settings import DataFolder, read_settings
from fleet_server.times import parse_time

if TYPE_CHECKING:
    import pyarrow as pa

    from fleet_server.archive.expressions import Question

PIPE_WIDTH = 1_000_000  # characters; a program that reads a pipe wants lines unbroken and whole

Time = Annotated[datetime | None, typer.Option(parser=parse_time, metavar="TIME", help="For a named question; UTC.")]


def query(  # noqa: PLR0913, PLR0917  (each is an option)
    data: Annotated[Path, typer.Option(help="The server's data folder.")],
    sql: Annotated[str | None, typer.Argument(help="One SELECT over the tables windows, reports and verdicts.")] = None,
    named: Annotated[str | None, typer.Option(help="A question with a name, such as drift-by-day.")] = None,
    model: Annotated[str | None, typer.Option(help="For a named question: this model alone.")] = None,
    since: Time = None,
    until: Time = None,
    form: Annotated[ResultFormat, typer.Option("--format", help="How the answer is written.")] = ResultFormat.TEXT,
    out: Annotated[Path | None, typer.Option(help="File for the answer; else standard output.")] = None,
) -> None:
    """Ask the archive, by SQL or by the name of a question; it changes nothing."""
    if form is ResultFormat.PARQUET and out is None:
        raise QuestionError("Parquet is no text: name a file with --out")
    if (sql is None) == (named is None):
        raise QuestionError("give either a SELECT or --named")
    if sql is not None and (model or since or until):
        raise QuestionError("--model, --since and --until are for a question by --named: narrow a SELECT by WHERE")
    from fleet_server.archive.backend import open_archive

    folder = DataFolder(data)
    settings = read_settings(folder)
    archive = open_archive(folder.archive(settings), settings.archive_backend)
    if sql is not None:
        answer = archive.sql(sql)
    else:
        answer = archive.ask(_question(named or ""), model=model, since=since, until=until)
    _write(answer, form, out)


def _question(name: str) -> "Question":
    from fleet_server.archive.expressions import NAMED

    if name not in NAMED:
        raise QuestionError(f"no question {name!r}: there are {', '.join(NAMED)}")
    return NAMED[name]


def _write(answer: "pa.Table", form: ResultFormat, out: Path | None) -> None:
    from fleet_server.archive.results import written

    if out is not None:
        out.write_bytes(written(answer, form, width=PIPE_WIDTH))
        return
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else PIPE_WIDTH
    sys.stdout.write(written(answer, form, width=width).decode())
