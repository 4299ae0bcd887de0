"""Plain rows in bulk, on SQLite and PostgreSQL."""

from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError

from fleet_server.bulk import plain_rows, put_rows
from fleet_server.db import Database
from fleet_server.drift.tables import DriftDeviceRow, JudgedWindowRow

COLUMNS = ("device_id", "model", "version", "bundle_sha256", "watermark_ms", "window_ms", "current", "judged_ms")
MANY = 250
"""More than a statement of PostgreSQL takes."""


def device(number: int, judged_ms: int = 0) -> tuple[Any, ...]:
    return f"device-{number:04}", "power", "1", "", 2**40 * (number % 2), 1, True, judged_ms


def read(database: Database, devices: list[str], **wanted: object) -> list[tuple[Any, ...]]:
    with database.reading() as session:
        return [
            tuple(row) for row in plain_rows(session, DriftDeviceRow, ("device_id", "judged_ms"), devices, **wanted)
        ]


def test_rows_come_back_by_device_and_by_what_else_is_wanted(database: Database) -> None:
    with database.session() as session:
        put_rows(session, DriftDeviceRow, COLUMNS, [device(number, number) for number in range(MANY)])
    assert read(database, ["device-0003", "nobody"]) == [("device-0003", 3)]
    assert len(read(database, [f"device-{number:04}" for number in range(MANY)], model="power")) == MANY
    assert read(database, ["device-0003"], model="other") == []
    assert read(database, []) == []


def test_a_row_that_is_there_is_replaced_or_refused(database: Database) -> None:
    with database.session() as session:
        put_rows(session, DriftDeviceRow, COLUMNS, [device(1), device(2)])
        put_rows(session, DriftDeviceRow, COLUMNS, [device(2, 7), device(3, 8)], replace=True)
        put_rows(session, DriftDeviceRow, COLUMNS, [], replace=True)
    assert sorted(read(database, [f"device-{number:04}" for number in range(5)])) == [
        ("device-0001", 0),
        ("device-0002", 7),
        ("device-0003", 8),
    ]
    with pytest.raises(IntegrityError), database.session() as session:
        put_rows(session, DriftDeviceRow, COLUMNS, [device(4), device(1)])
    assert read(database, ["device-0004"]) == []


def test_many_keys_are_one_parameter(database: Database) -> None:
    with database.session() as session:
        put_rows(session, DriftDeviceRow, COLUMNS, [device(number, number) for number in range(MANY)])
    names = [f"device-{number:04}" for number in range(1, MANY)]
    assert sorted(read(database, names)) == [(name, number) for number, name in enumerate(names, 1)]
    assert read(database, ["device-0000", *(f"none-{number}" for number in range(40_000))]) == [("device-0000", 0)]
    assert read(database, []) == []


def test_what_the_driver_raises_is_told_apart_as_elsewhere(database: Database) -> None:
    with database.session() as session:
        session.execute(text("DROP TABLE drift_devices"))
    with pytest.raises(DBAPIError):
        read(database, ["a"])


def test_any_bytes_come_back_as_they_were(database: Database) -> None:
    columns = ("model", "device_id", "version", "start_ms", "end_ms", "rows", "judged_at_ms", "data")
    stored = [bytes(range(256)), b"", b"\0", b"%s ? %b"]
    with database.session() as session:
        rows = [("power", "a", "1", place, place + 1, 2**53, 0, data) for place, data in enumerate(stored)]
        put_rows(session, JudgedWindowRow, columns, rows)
    with database.reading() as session:
        found = plain_rows(session, JudgedWindowRow, ("ordinal", "rows", "data"), ["a"], model="power")
        assert [(ordinal, rows, bytes(data)) for ordinal, rows, data in sorted(found)] == [
            (place, 2**53, data) for place, data in enumerate(stored, 1)
        ]
