"""``leeway-fleet query`` over a data folder."""

import csv
import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner, Result

from fleet_server.archive.result_format import ResultFormat
from fleet_server.archive.results import written
from fleet_server.cli import app
from fleet_server.settings import DataFolder
from tests.fleet_server.archive.conftest import Room
from tests.fleet_server.seeded_fleet import DEVICES, ROWS

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

COUNT = "SELECT device_id, count(*) AS n, avg(mean) AS m FROM windows GROUP BY device_id ORDER BY device_id"
LEEWAY_FLEET = [sys.executable, "-c", "from fleet_server.cli import main; main()"]


@pytest.fixture
def data(room: Room, folder: DataFolder) -> Path:
    room.ingest(0)
    room.write()
    room.folder.rename(folder.path / "archive")
    return folder.path


def query(data: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["query", "--data", str(data), *arguments])


def output(data: Path, *arguments: str) -> str:
    result = query(data, *arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_text_is_a_table(data: Path) -> None:
    lines = output(data, COUNT).splitlines()
    assert lines[0].split() == ["device_id", "n", "m"]
    assert [line.split()[:2] for line in lines[1:]] == [[device_id, "3"] for device_id in DEVICES]


def test_a_pipe_gets_each_row_whole_in_a_line(data: Path) -> None:
    head, *lines = output(data, "SELECT * FROM windows").splitlines()
    assert {"device_id", "edges", "counts"} <= set(head.split())
    assert len(lines) == 3 * len(DEVICES)
    assert "\N{HORIZONTAL ELLIPSIS}" not in "".join(lines)


@pytest.mark.usefixtures("database_url")
def test_what_is_wider_than_the_terminal_stands_one_below_the_other() -> None:
    table = pa.table({"device_id": ["a", "b"], "version": ["1", "2"], "counts": [[0.25, 1.0], None]})
    told = written(table, ResultFormat.TEXT, width=24).decode()
    assert [" ".join(line.split()) for line in told.splitlines()] == [
        *("device_id a", "version 1", "counts [0.25, 1]"),
        "",
        *("device_id b", "version 2", "counts -"),
    ]


def test_csv_and_json_say_the_same(data: Path) -> None:
    rows = json.loads(output(data, COUNT, "--format", "json"))
    read = list(csv.DictReader(io.StringIO(output(data, COUNT, "--format", "csv"))))
    assert [row["device_id"] for row in rows] == [row["device_id"] for row in read] == list(DEVICES)
    assert [row["m"] for row in rows] == pytest.approx([float(row["m"]) for row in read])


def test_json_has_numbers_times_and_null(data: Path) -> None:
    sql = "SELECT sum(rows) AS rows, min(window_start) AS first, 'nan'::DOUBLE AS nothing, [1, 2] AS list FROM windows"
    (row,) = json.loads(output(data, sql, "--format", "json"))
    assert row == {
        "rows": len(DEVICES) * 3 * ROWS,
        "first": "2026-01-01 00:00:00+00:00",
        "nothing": None,
        "list": [1, 2],
    }


def test_parquet_goes_into_a_file(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "answer.parquet"
    assert output(data, COUNT, "--format", "parquet", "--out", str(out)) == ""
    assert pq.read_table(out)["device_id"].to_pylist() == list(DEVICES)


def test_a_named_question_takes_a_model_and_a_time(data: Path) -> None:
    named = ["--named", "devices-by-day", "--model", "power", "--format", "json"]
    assert [row["rows"] for row in json.loads(output(data, *named))] == [ROWS] * len(DEVICES)
    assert json.loads(output(data, *named, "--since", "2026-01-02")) == []
    assert json.loads(output(data, *named, "--until", "2026-01-01")) == []


def test_a_time_has_the_zone_that_it_names(data: Path) -> None:
    named = ["--named", "devices-by-day", "--format", "json"]
    assert json.loads(output(data, *named, "--until", "2026-01-01T01:00+01:00")) == []
    assert len(json.loads(output(data, *named, "--until", "2026-01-01T01:00"))) == len(DEVICES)


def test_what_is_no_time_is_told_how_to_write_one(data: Path) -> None:
    asked = query(data, "--named", "devices-by-day", "--since", "yesterday")
    assert (asked.exit_code, asked.stdout) == (2, "")
    assert "'yesterday' is no time: write it as 2026-11-29" in asked.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "exit_code", "complaint"),
    [
        ([], 2, "give either"),
        (["SELECT 1", "--named", "drift-by-day"], 2, "give either"),
        (["SELECT 1", "--since", "2026-01-01"], 2, "narrow a SELECT by WHERE"),
        (["--named", "weather"], 2, "there are drift-by-day"),
        (["SELECT 1", "--format", "parquet"], 2, "--out"),
        (["DROP VIEW windows"], 1, "read-only"),
        (["SELECT nothing FROM windows"], 1, '"nothing" not found'),
    ],
)
def test_a_wrong_question_is_one_line(data: Path, arguments: list[str], exit_code: int, complaint: str) -> None:
    run: Any = subprocess.run(
        [*LEEWAY_FLEET, "query", "--data", str(data), *arguments], capture_output=True, text=True, check=False
    )
    assert run.returncode == exit_code
    assert complaint in run.stderr
    assert len(run.stderr.splitlines()) == 1
