"""kill -9 at any moment: the archive has each window once."""

import subprocess
import sys
import time
from pathlib import Path

import pyarrow.dataset as ds
import pytest

from fleet_server.db import Database
from tests.fleet_server import seeded_fleet
from tests.fleet_server.seeded_fleet import DEVICES, WINDOWS

ROOT = Path(__file__).resolve().parents[3]
RANGE_ORDINALS = 3
KILLS = 3
LATER_S = 0.05


def start(database_url: str, folder: Path) -> "subprocess.Popen[str]":
    archiver = [sys.executable, "-m", "tests.fleet_server.archive.archiver"]
    process = subprocess.Popen(
        [*archiver, database_url, str(folder), str(RANGE_ORDINALS)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


@pytest.mark.slow
def test_an_archiver_that_is_killed_again_and_again_writes_each_window_once(tmp_path: Path) -> None:
    url, folder = f"sqlite:///{tmp_path / 'fleet.db'}", tmp_path / "archive"
    database = Database(url)
    database.migrate()
    database.close()
    seeded_fleet.seed(url)
    for kill in range(KILLS):
        process = start(url, folder)
        time.sleep(LATER_S * (kill + 1))  # each time at another place of the work
        process.kill()
        process.communicate()  # closes the pipe too
        assert process.returncode < 0, "it was done before it was killed"
    last = start(url, folder)
    last.communicate()
    assert last.returncode == 0
    table = ds.dataset(folder / "windows", partitioning="hive").to_table(columns=["device_id", "sequence", "stream"])
    assert len(table) == len(DEVICES) * WINDOWS * 3
    assert len({tuple(row.values()) for row in table.to_pylist()}) == len(table)
