"""The archive as tables: DuckDB over the files, the same questions in PostgreSQL and other dialects."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import ibis
import pytest
from ibis.backends.sql.compilers import BigQueryCompiler, ClickHouseCompiler, PySparkCompiler

from fleet_server.archive.backend import Archive, open_archive
from fleet_server.archive.expressions import NAMED
from fleet_server.archive.query import check_read_only
from fleet_server.errors import StartError
from tests.fleet_server.archive.conftest import Room
from tests.fleet_server.seeded_fleet import DEVICES, ROWS, START_MS

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

WINDOWS = 30  # a day and six hours
DAY_MS = 86_400_000
COPIES = {
    "windows": "SELECT * EXCLUDE (edges, counts) FROM windows",
    "verdicts": "SELECT * EXCLUDE (features, outputs) FROM verdicts",
}
"""How another database is filled."""


class SparkOptions(ibis.config.Config):
    """The backend's own, with its default: the compiler asks for it, and only importing pyspark registers it."""

    treat_nan_as_null: bool = False


@pytest.fixture
def filled(room: Room) -> Path:
    room.ingest(*range(WINDOWS))
    for device_id in ("turbine-1", "turbine-2"):
        room.change(device_id, "stable", "drift", START_MS)
        room.change(device_id, "drift", "stable", START_MS + DAY_MS)
    room.write()
    return room.folder


@pytest.fixture
def archive(filled: Path) -> Archive:
    return open_archive(filled)


def rows_of(archive: Archive, question: str, **narrowed: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = archive.ask(NAMED[question], **narrowed).to_pylist()
    return found


def test_sql_sees_each_stream_of_each_window_with_its_day_and_model(archive: Archive) -> None:
    counted = archive.sql("SELECT day, model, count(*) AS n FROM windows GROUP BY ALL ORDER BY day").to_pylist()
    assert counted == [
        {"day": date(2026, 1, 1), "model": "power", "n": 24 * len(DEVICES) * 3},
        {"day": date(2026, 1, 2), "model": "power", "n": 6 * len(DEVICES) * 3},
    ]


def test_devices_by_day_counts_what_each_scored(archive: Archive) -> None:
    first = rows_of(archive, "devices-by-day", model="power")[0]
    assert (first["device_id"], first["windows"], first["rows"]) == ("turbine-1", 24, 24 * ROWS)
    assert first["last_window_start"] == datetime(2026, 1, 1, 23, tzinfo=UTC)
    assert rows_of(archive, "devices-by-day", model="other") == []


def test_drift_by_day_measures_from_training(archive: Archive) -> None:
    found = rows_of(archive, "drift-by-day", since=datetime(2026, 1, 2, tzinfo=UTC))
    assert [row["stream"] for row in found] == ["temperature", "wind", "power"]
    for row in found:
        assert (row["devices"], row["rows"], row["missing_share"]) == (len(DEVICES), 6 * len(DEVICES) * ROWS, 0.0)
        assert abs(row["shift_sd"]) < 0.1
        assert row["widest_shift_sd"] >= abs(row["shift_sd"])
        assert row["sd_ratio"] == pytest.approx(1.0, abs=0.1)


def test_lateness_by_day_is_in_hours(archive: Archive) -> None:
    first, second = rows_of(archive, "lateness-by-day")
    assert first["longest_hours"] == pytest.approx(10 * 24 - 1)
    assert second["longest_hours"] == pytest.approx(9 * 24 - 1)


def test_verdicts_by_day_counts_what_came_and_went(archive: Archive) -> None:
    first, second = rows_of(archive, "verdicts-by-day")
    assert (first["day"], first["kind"], first["came"], first["went"], first["devices"]) == (
        date(2026, 1, 1), "own", 2, 0, 2,
    )  # fmt: skip
    assert (second["came"], second["went"], second["devices"]) == (0, 2, 0)


def test_an_archive_without_files_has_the_tables_and_no_rows(room: Room) -> None:
    empty = open_archive(room.folder)
    assert empty.sql("SELECT count(*) AS n FROM windows").to_pylist() == [{"n": 0}]
    assert [rows_of(empty, name) for name in NAMED] == [[]] * len(NAMED)


@pytest.mark.parametrize(
    ("sql", "complaint"),
    [
        ("", "one statement, not 0"),
        ("SELECT 1; SELECT 2", "one statement, not 2"),
        ("DROP VIEW windows", "read-only"),
        ("COPY windows TO '{folder}/copy.csv'", "read-only"),
        ("SET memory_limit = '1TB'", "read-only"),
        ("ATTACH '{folder}/other.db'", "read-only"),
        ("SELECT nothing FROM windows", "nothing"),
        ("SELECT * FROM read_text('{file}')", "disabled"),
        ("SELECT ((", "cannot read the query"),
    ],
)
def test_what_does_more_than_read_the_archive_is_refused(
    archive: Archive, filled: Path, sql: str, complaint: str, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("x")
    with pytest.raises(StartError, match=complaint):
        archive.sql(sql.format(folder=filled, file=secret))


@pytest.mark.parametrize("address", ["nonsense://", "sqlite://"])
def test_a_backend_that_cannot_be_opened_is_one_clear_line(filled: Path, address: str) -> None:
    with pytest.raises(StartError, match="cannot open the archive by"):
        open_archive(filled, address)


@pytest.mark.parametrize("question", NAMED)
@pytest.mark.parametrize("compiler", [ClickHouseCompiler, BigQueryCompiler, PySparkCompiler])
def test_each_question_is_written_in_other_dialects(
    archive: Archive, question: str, compiler: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ibis.options, "pyspark", SparkOptions())
    named, made = NAMED[question], compiler()
    asked = named.of(getattr(archive, named.table), model="power", since=datetime(2026, 1, 1, tzinfo=UTC))
    written = made.to_sqlglot(asked.unbind()).sql(made.dialect)
    check_read_only(written, made.dialect)  # it is read again, as one query


@pytest.mark.slow
@pytest.mark.parametrize("question", NAMED)
def test_postgresql_answers_each_question_alike(
    archive: Archive, postgresql_folder: Path, postgresql_url: str, question: str
) -> None:
    name = postgresql_url.partition("@/")[2].partition("?")[0]
    other = ibis.postgres.connect(host=str(postgresql_folder), user="leeway", database=name)
    for table, query in COPIES.items():
        other.create_table(table, archive.sql(query))
    copied = Archive(other, other.table("windows"), archive.reports, other.table("verdicts"))
    expected, found = rows_of(archive, question), rows_of(copied, question)
    other.disconnect()
    assert len(expected) > 1
    for ours, theirs in zip(expected, found, strict=True):
        assert theirs == {
            key: pytest.approx(value) if isinstance(value, float) else value for key, value in ours.items()
        }
