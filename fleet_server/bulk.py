"""Many plain rows at once, past what SQLAlchemy does for each of them: a tenth of its time.

Rows are tuples of numbers, texts and bytes, which each database's driver takes and gives as they
are. SQLite has them one by one; to PostgreSQL they go as an array for each column, and come back
in its binary format, which spares both sides the hexadecimal digits of every blob.
"""

import json
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from sqlalchemy import Connection, inspect
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session, SQLModel

_BATCH: Final = 100
"""Rows in a statement of PostgreSQL: arrays of more do not stay in the processor's cache."""


def plain_rows(
    session: Session, table: type[SQLModel], columns: Sequence[str], devices: Collection[str], **wanted: object
) -> Sequence[Sequence[Any]]:
    """Read the rows of many devices.

    Args:
        session: The transaction.
        table: A table's class, with a ``device_id``.
        columns: Of the rows; numbers, texts and bytes alone, since nothing is converted.
        devices: Whose rows.
        **wanted: Values by column.
    """
    connection = session.connection()
    is_sqlite = connection.dialect.name == "sqlite"
    # as a table: PostgreSQL plans for an array of many as if it were of few, and compares each row with all of it
    mark, among = ("?", "SELECT value FROM json_each(?)") if is_sqlite else ("%s", "SELECT unnest(%s::text[])")
    where = " AND ".join([f"device_id IN ({among})", *(f"{name} = {mark}" for name in _quoted(connection, wanted))])
    names = ", ".join(_quoted(connection, columns))
    query = f"SELECT {names} FROM {_name(connection, table)} WHERE {where}"  # noqa: S608  (the tables' own names)
    driver: Any = connection.connection.driver_connection
    rows: list[tuple[Any, ...]]
    with _raised_as_others(connection, query):
        if is_sqlite:
            rows = driver.execute(query, (json.dumps(list(devices)), *wanted.values())).fetchall()
            return rows
        with driver.cursor(binary=True) as cursor:
            rows = cursor.execute(query, (list(devices), *wanted.values())).fetchall()
        return rows


@contextmanager
def _raised_as_others(connection: Connection, query: str) -> Iterator[None]:
    """Raise what the driver raises as SQLAlchemy does: ``db.AWAY`` is told by its classes."""
    errors: type[Exception] = connection.dialect.loaded_dbapi.Error
    try:
        yield
    except errors as error:
        raise DBAPIError.instance(query, None, error, errors, dialect=connection.dialect) from error


def put_rows(
    session: Session,
    table: type[SQLModel],
    columns: Sequence[str],
    rows: Sequence[tuple[Any, ...]],
    *,
    replace: bool = False,
) -> None:
    """Insert many rows.

    Args:
        session: The transaction.
        table: A table's class.
        columns: Of the rows; numbers, texts and bytes alone, since nothing is converted.
        rows: Values in the order of the columns; each key once.
        replace: A row whose key is there already gets the new values; else that is an error.
    """
    if not rows:
        return
    connection = session.connection()
    conflict = _replacing(connection, table, columns) if replace else ""
    into = f"INSERT INTO {_name(connection, table)} ({', '.join(_quoted(connection, columns))})"
    if connection.dialect.name == "sqlite":
        marks = ", ".join("?" * len(columns))
        connection.exec_driver_sql(f"{into} VALUES ({marks}){conflict}", list(rows))
        return
    known = inspect(table).columns
    arrays = ", ".join(f"unnest(%b::{known[name].type.compile(connection.dialect)}[])" for name in columns)
    for first in range(0, len(rows), _BATCH):
        values = tuple(map(list, zip(*rows[first : first + _BATCH], strict=True)))
        connection.exec_driver_sql(f"{into} SELECT {arrays}{conflict}", values)


def _replacing(connection: Connection, table: type[SQLModel], columns: Sequence[str]) -> str:
    keys = [column.name for column in inspect(table).primary_key]
    others = _quoted(connection, [name for name in columns if name not in keys])
    changed = ", ".join(f"{name} = excluded.{name}" for name in others)
    return f" ON CONFLICT ({', '.join(_quoted(connection, keys))}) DO UPDATE SET {changed}"


def _name(connection: Connection, table: type[SQLModel]) -> str:
    return connection.dialect.identifier_preparer.quote(str(table.__tablename__))


def _quoted(connection: Connection, names: Collection[str]) -> list[str]:
    return [connection.dialect.identifier_preparer.quote(name) for name in names]
