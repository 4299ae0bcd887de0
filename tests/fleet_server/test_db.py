"""The database keeps its promises on both kinds."""

import importlib
import pkgutil
import threading
from functools import partial
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text
from sqlmodel import SQLModel

import fleet_server
from fleet_server.audit.service import AuditService
from fleet_server.db import Database
from fleet_server.errors import StartError, UnavailableError
from fleet_server.write_turns import WriteTurns
from tests.fleet_server.conftest import ManualClock


def test_commits_on_success_and_rolls_back_on_error(database: Database, clock: ManualClock) -> None:
    audit = AuditService(database, clock)
    with database.session() as session:
        audit.record(session, "ann", "token.create", "1", role="viewer")
    with pytest.raises(ZeroDivisionError), database.session() as session:
        audit.record(session, "ann", "token.create", "2", ratio=1 // 0)
    assert [row.subject for row in audit.list(limit=10)] == ["1"]
    assert audit.list(limit=10)[0].detail == {"role": "viewer"}


def test_writers_in_many_threads_wait_for_each_other(database: Database, clock: ManualClock) -> None:
    audit = AuditService(database, clock)

    def write() -> None:
        for _ in range(20):
            with database.session() as session:
                audit.record(session, "ann", "token.create", "1")

    threads = [threading.Thread(target=write) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(audit.list(limit=500)) == 160


def test_threads_write_in_the_order_in_which_they_came() -> None:
    turns, told = WriteTurns(60.0), []

    def write(name: int) -> None:
        with turns.turn():
            told.append(name)

    threads = [threading.Thread(target=write, args=(name,)) for name in range(5)]
    with turns.turn():
        for number, thread in enumerate(threads, start=1):
            thread.start()
            while len(turns._waiting) < number:
                threading.Event().wait(0.001)
    for thread in threads:
        thread.join()
    assert told == [0, 1, 2, 3, 4]


def test_who_has_waited_long_enough_goes_on_and_keeps_nobody_out() -> None:
    turns = WriteTurns(0.0)
    with turns.turn():
        thread = threading.Thread(target=lambda: turns.turn().__enter__())
        thread.start()
        thread.join()
    with turns.turn():
        assert turns._is_taken
    assert not turns._is_taken


def test_a_reader_does_not_wait_for_the_writer(database: Database, clock: ManualClock) -> None:
    audit = AuditService(database, clock)
    with database.session() as session:
        audit.record(session, "ann", "token.create", "1")
        session.flush()
        assert audit.list(limit=10) == []


def test_sqlite_is_durable_and_checks_references(tmp_path: Path) -> None:
    opened = Database(f"sqlite:///{tmp_path / 'fleet.db'}")
    with opened.reading() as session:
        found = {
            name: session.connection().execute(text(f"PRAGMA {name}")).scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        }
    opened.close()
    assert found == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


def test_a_closed_database_connects_no_more(database: Database, clock: ManualClock) -> None:
    audit = AuditService(database, clock)
    assert audit.list(limit=1) == []
    database.close()
    for act in (partial(audit.list, limit=1), database.migrate, database.ping):
        with pytest.raises(UnavailableError, match="closed"):
            act()
    database.close()


def test_an_address_that_cannot_be_used_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(StartError, match="database address"):
        Database("nonsense")
    away = Database(f"sqlite:///{tmp_path}/missing/fleet.db")
    with pytest.raises(StartError, match="cannot open the database"):
        away.migrate()


def test_the_steps_make_the_tables_that_the_rooms_declare(database: Database) -> None:
    for module in pkgutil.walk_packages(fleet_server.__path__, "fleet_server."):
        if module.name.endswith(".tables"):
            importlib.import_module(module.name)
    with database.session() as session:
        context = MigrationContext.configure(session.connection())
        differences = compare_metadata(context, SQLModel.metadata)
    assert [difference for difference in differences if "alembic_version" not in str(difference)] == []


def test_a_database_of_a_newer_server_is_refused(database: Database) -> None:
    with database.session() as session:
        session.connection().execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StartError, match="schema"):
        database.migrate()
