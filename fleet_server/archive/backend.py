"""The archive as tables to ask: by DuckDB over the files, or in any database that Ibis speaks to.

With ``duckdb://`` the tables are views of the Parquet files, and nothing but these can be
read. With another address, such as ``clickhouse://host/fleet``, they are that database's own tables
of the same names and columns, filled from the files by its own means.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import ibis
import pyarrow as pa
from ibis.expr.types import Table

from fleet_server.archive import verdicts, windows
from fleet_server.archive.expressions import Question
from fleet_server.archive.query import check_read_only
from fleet_server.errors import StartError

TABLES: Final = {**windows.SCHEMAS, verdicts.NAME: verdicts.VERDICTS}
"""By name, with their columns; each has the column ``day`` too."""


@dataclass(frozen=True)
class Archive:
    """An open archive.

    Attributes:
        backend: Ibis' connection.
        windows: A row for each stream of each window of each device.
        reports: A row for each window of each device.
        verdicts: A row for each change of a verdict.
    """

    backend: Any
    windows: Table
    reports: Table
    verdicts: Table

    def ask(self, question: Question, **narrowed: Any) -> pa.Table:  # noqa: ANN401  (model, since and until)
        """Ask a question with a name; the narrowing is that of ``Question.of``."""
        return question.of(getattr(self, question.table), **narrowed).to_pyarrow()

    def sql(self, text: str) -> pa.Table:
        """Run one query in the backend's own SQL.

        Raises:
            StartError: It is more than a query (``fleet_server.archive.query``), or the backend refuses it.
        """
        check_read_only(text, self.backend.name)
        try:
            if self.backend.name == "duckdb":  # Ibis 12 asks of DuckDB 2 what that has no more
                return self.backend.con.sql(text).to_arrow_table()
            return self.backend.sql(text).to_pyarrow()
        except Exception as error:  # each backend's driver has errors of its own
            raise StartError(f"the query failed: {_line(error)}") from error


def open_archive(folder: Path, address: str = "duckdb://") -> Archive:
    """Open the archive.

    Args:
        folder: Where the files are.
        address: Of the backend, as Ibis writes it.

    Raises:
        StartError: The backend is not installed or not there, or lacks the tables.
    """
    try:
        backend = ibis.connect(address)
        if backend.name == "duckdb":
            _view_files(backend.con, folder)
        return Archive(backend, *(backend.table(name) for name in TABLES))
    except Exception as error:  # each backend's driver has errors of its own
        raise StartError(f"cannot open the archive by {address}: {_line(error)}") from error


def _view_files(connection: Any, folder: Path) -> None:  # noqa: ANN401  (DuckDB's own connection)
    """Make the views, then lock the connection in: it reads the archive's files and nothing else."""
    connection.execute("SET TimeZone = 'UTC'")
    for name, schema in TABLES.items():
        files = folder.resolve() / name
        if any(files.glob("day=*/model=*/*.parquet")):
            connection.execute(f"CREATE VIEW {name} AS {_reading(files)}")
        else:
            connection.register(name, _with_day(schema))
    connection.execute(f"SET allowed_directories = [{_quoted(folder.resolve())}]")
    for setting in (
        "enable_external_access = false",
        "python_enable_replacements = false",
        "lock_configuration = true",
    ):
        connection.execute(f"SET {setting}")


def _reading(files: Path) -> str:
    # A model may be named 2024: told nothing, DuckDB would take that for a number.
    types = "hive_partitioning = true, hive_types = {'day': DATE, 'model': VARCHAR}"
    pattern = _quoted(files / "day=*" / "model=*" / "*.parquet")
    return f"SELECT * FROM read_parquet({pattern}, {types}, union_by_name = true)"  # noqa: S608  (quoted)


def _with_day(schema: pa.Schema) -> pa.Table:
    return schema.append(pa.field("day", pa.date32())).empty_table()


def _line(error: Exception) -> str:
    return str(error).partition("\n")[0]


def _quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"
