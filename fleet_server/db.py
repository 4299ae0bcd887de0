"""The database: SQLite in WAL mode, or PostgreSQL by psycopg 3.

A session is a transaction: it commits at the end of the ``with`` block and rolls back
on an error. Do not open a session inside another: SQLite has one writer at a time.
"""

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from operator import eq, lt
from typing import Any, TypeVar

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import ColumnElement, Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError, DatabaseError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionError
from sqlalchemy.pool import ConnectionPoolEntry
from sqlmodel import Session, SQLModel, select
from sqlmodel.sql.expression import SelectOfScalar

from fleet_server.errors import NotFoundError, StartError, UnavailableError
from fleet_server.write_turns import WriteTurns

BUSY_TIMEOUT_MS = 15_000
_TURN_S = 120.0
"""Threads of this process wait longer for each other: they all come to an end."""
AWAY = (OperationalError, InterfaceError, NoConnectionError)
"""What is raised while the database does not answer, is locked, or has no connection left: the caller can wait."""
_POOL_SIZE = 16
_READ_ONLY = "leeway_read_only"
Bound = tuple[Any, Callable[[Any, Any], Any], object]
"""A column, a comparison, and what it is compared with."""
Row = TypeVar("Row", bound=SQLModel)


class Database:
    """Sessions on one database, from any thread.

    Args:
        url: SQLAlchemy address: ``sqlite:///path`` or ``postgresql+psycopg://...``.

    Raises:
        StartError: The address is malformed.
    """

    def __init__(self, url: str) -> None:
        try:
            self._engine = create_engine(url, pool_size=_POOL_SIZE, max_overflow=_POOL_SIZE, pool_pre_ping=True)
        except (ArgumentError, ImportError) as error:
            raise StartError(f"cannot use the database address in the settings: {error}") from error
        if self._engine.dialect.name == "sqlite":
            _prepare_sqlite(self._engine)
        self._turn = WriteTurns(_TURN_S).turn if self._engine.dialect.name == "sqlite" else nullcontext
        self._is_open = True
        self._reading = self._engine.execution_options(**{_READ_ONLY: True})

    @property
    def dialect(self) -> str:
        """``sqlite`` or ``postgresql``."""
        return self._engine.dialect.name

    def session(self) -> AbstractContextManager[Session]:
        """Open a transaction that may write.

        Raises:
            UnavailableError: The database is closed.
        """
        return self._transaction(self._engine, self._turn())

    def reading(self) -> AbstractContextManager[Session]:
        """Open a transaction that only reads; on SQLite it does not wait for the writer.

        Raises:
            UnavailableError: The database is closed.
        """
        return self._transaction(self._reading, nullcontext())

    def migrate(self) -> None:
        """Bring the schema to the newest step, in one transaction.

        Raises:
            StartError: The database cannot be reached, or is newer than this server.
        """
        steps = Config()
        steps.set_main_option("script_location", "fleet_server:migrations")
        try:
            with self.session() as session:
                steps.attributes["connection"] = session.connection()
                command.upgrade(steps, "head")
        except DatabaseError as error:
            raise StartError(f"cannot open the database: {str(error.orig).partition(chr(10))[0]}") from error
        except CommandError as error:
            raise StartError(f"cannot bring the database's schema up to date: {error}") from error

    def ping(self) -> None:
        """Run an empty query; raises what the driver raises if the database is away."""
        with self.reading() as session:
            session.connection().execute(text("SELECT 1"))

    def close(self) -> None:
        """Close every pooled connection, and open none from now on."""
        self._is_open = False
        self._engine.dispose()

    @contextmanager
    def _transaction(self, engine: Engine, turn: AbstractContextManager[None]) -> Iterator[Session]:
        if not self._is_open:  # the engine itself would connect anew
            raise UnavailableError("the database is closed: the server is stopping, or has stopped")
        with turn, Session(engine, expire_on_commit=False) as session, session.begin():
            yield session


def is_away(error: Exception) -> bool:
    """Tell whether an error, or each of a group, is one of ``AWAY``."""
    if isinstance(error, ExceptionGroup):
        return all(map(is_away, error.exceptions))
    return isinstance(error, AWAY)


def bounds(*given: Bound) -> list[ColumnElement[bool]]:
    """Return the conditions of those bounds that are not None."""
    return [compare(column, value) for column, compare, value in given if value is not None]


def new_key(now_ms: int) -> str:
    """Return a key for a row, of those whose order is that of time."""
    return f"{now_ms:013d}-{secrets.token_hex(4)}"


def newest_first(
    table: type[Row], key: str, *, limit: int, before: object = None, **wanted: object
) -> SelectOfScalar[Row]:
    """Return the query of a table's newest rows.

    Args:
        table: A table's class.
        key: The column whose order is that of time.
        limit: Most rows.
        before: Those with a lower key alone, if it is given.
        **wanted: Values by column; None narrows nothing.
    """
    column = getattr(table, key)
    narrowed = bounds(*((getattr(table, name), eq, value) for name, value in wanted.items()), (column, lt, before))
    return select(table).where(*narrowed).order_by(column.desc()).limit(limit)


def existing(session: Session, table: type[Row], key: str, named: str) -> Row:
    """Return the row that has a key.

    Args:
        session: The transaction.
        table: A table's class.
        key: The row's, perhaps as somebody typed it.
        named: What such a row is called.

    Raises:
        NotFoundError: There is none.
    """
    row = session.get(table, key)
    if row is None:
        raise NotFoundError(f"no {named} {key[:80]!r}")
    return row


def insert_new(session: Session, table: type[SQLModel], rows: Sequence[Mapping[str, Any]]) -> set[int]:
    """Insert rows but for those whose key is there already; return the ordinals of those that were new.

    Args:
        session: The transaction.
        table: The class of a table whose rows have an ``ordinal``.
        rows: Values by column, the same columns in each; at least one.
    """
    known = inspect(table)
    statement = _insert(session, table).on_conflict_do_nothing(index_elements=known.primary_key)
    return set(session.execute(statement.returning(known.columns["ordinal"]), rows).scalars())


def upsert(session: Session, table: type[SQLModel], rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows, or give those whose key is there already the new values.

    Args:
        session: The transaction.
        table: A table's class.
        rows: Values by column, the same columns in each.
    """
    if not rows:
        return
    statement = _insert(session, table)
    keys = [column.name for column in inspect(table).primary_key]
    changed = {name: statement.excluded[name] for name in rows[0] if name not in keys}
    session.execute(statement.on_conflict_do_update(index_elements=keys, set_=changed), rows)


def _insert(session: Session, table: type[SQLModel]) -> Any:  # noqa: ANN401  (of either dialect)
    # both spell it alike, but only in constructs of their own
    return (postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert)(table)


def _prepare_sqlite(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def _configure(connection: Any, _entry: ConnectionPoolEntry) -> None:  # noqa: ANN401  (sqlite3's connection)
        connection.isolation_level = None  # transactions are begun below, not by the driver
        for pragma in (
            f"busy_timeout = {BUSY_TIMEOUT_MS}",
            "page_size = 8192",  # of a new database: what is kept of a device's past fits in one
            "journal_mode = WAL",
            "synchronous = FULL",  # a report is acknowledged after its commit: the commit must be on the disk
            "foreign_keys = ON",
            "cache_size = -65536",  # KiB: a window of ten thousand devices fits in, or nearly; a small fleet takes less
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # A deferred transaction that turns writer late fails at once when another has written
        # meanwhile (SQLITE_BUSY_SNAPSHOT); taking the lock first waits for it instead.
        read_only = connection.get_execution_options().get(_READ_ONLY, False)
        connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")
