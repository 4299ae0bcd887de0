"""The control loop goes on, whatever a step does."""

import logging
import shutil
import sqlite3
import threading
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, Counter

from fleet_server import db
from fleet_server.control_loop import ControlLoop
from fleet_server.db import Database
from fleet_server.turns import each_in_turn


def failures(registry: CollectorRegistry) -> Counter:
    return Counter("leeway_control_failures", "Failures.", ["step"], registry=registry)


def test_a_failing_step_is_counted_and_stops_nobody(caplog: pytest.LogCaptureFixture) -> None:
    done: list[str] = []
    broken = [True]

    def fail() -> None:
        if broken[0]:
            raise RuntimeError("no")
        done.append("mended")

    registry = CollectorRegistry()
    loop = ControlLoop({"first": fail, "second": lambda: done.append("second")}, tick_s=1, failures=failures(registry))
    with caplog.at_level(logging.INFO):
        loop.run_round()
        loop.run_round()
        broken[0] = False
        loop.run_round()
    assert done == ["second", "second", "mended", "second"]
    assert registry.get_sample_value("leeway_control_failures_total", {"step": "first"}) == 2
    assert [record.message for record in caplog.records] == [
        "step first fails; it will be tried again",
        "step first works again",
    ]


def test_a_step_that_meets_a_locked_database_is_one_line_and_tried_again(
    sqlite_template: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(db, "BUSY_TIMEOUT_MS", 1)
    path = Path(shutil.copyfile(sqlite_template, tmp_path / "fleet.db"))
    database, other = Database(f"sqlite:///{path}"), sqlite3.connect(path)

    def write(number: int) -> None:
        with database.session() as session:
            session.connection().exec_driver_sql(f"PRAGMA user_version = {number}")

    steps = {"drift": lambda: each_in_turn([1, 2], write)}
    loop = ControlLoop(steps, tick_s=1, failures=failures(CollectorRegistry()))
    other.execute("BEGIN IMMEDIATE")
    with caplog.at_level(logging.INFO):
        loop.run_round()
        loop.run_round()
        other.rollback()
        loop.run_round()
    assert [(record.getMessage(), record.exc_info) for record in caplog.records] == [
        ("step drift waits for the database, and will be tried again: database is locked", None),
        ("step drift works again", None),
    ]
    database.close()
    other.close()


def test_it_runs_until_it_is_stopped() -> None:
    ran = threading.Event()
    loop = ControlLoop({"only": ran.set}, tick_s=0.01, failures=failures(CollectorRegistry()))
    loop.start()
    assert ran.wait(10)
    loop.stop()
    assert not loop._thread.is_alive()
