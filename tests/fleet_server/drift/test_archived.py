"""The changes of verdicts reach the archive."""

from pathlib import Path
from typing import Any

import pyarrow.dataset as ds
from prometheus_client import CollectorRegistry

from fleet_server.archive.service import ArchiveService
from fleet_server.db import Database
from fleet_server.drift.archived import verdict_changes
from fleet_server.drift.tables import VerdictChangeRow

CHANGED_MS = 1_767_225_600_000  # the first of January 2026


def change(verdict: str, changed_ms: int) -> VerdictChangeRow:
    return VerdictChangeRow(
        device_id="turbine-1",
        model="power",
        kind="training",
        version="1",
        verdict_before="stable" if verdict == "drift" else "drift",
        verdict=verdict,
        features=["wind", "temperature"],
        outputs=[],
        severity=1.5,
        since_ms=changed_ms,
        changed_ms=changed_ms,
        evidence={"wind": {"mean": 1.0}},
        sentence="Its wind has changed.",
    )


def test_each_change_is_written_once_in_its_order(database: Database, clock: Any, tmp_path: Path) -> None:
    clock.now_ms = CHANGED_MS
    source = verdict_changes(database)
    archive = ArchiveService(database, tmp_path, [source], clock, registry=CollectorRegistry(), range_ordinals=2)
    assert not archive.archive_next(source)
    for verdict in ("drift", "stable", "drift"):
        with database.session() as session:
            session.add(change(verdict, CHANGED_MS))
    while archive.archive_next(source):
        pass
    table = ds.dataset(tmp_path / "verdicts", partitioning="hive").to_table().sort_by("ordinal")
    assert table["verdict"].to_pylist() == ["drift", "stable", "drift"]
    assert table["features"].to_pylist()[0] == ["wind", "temperature"]
    assert set(table["day"].to_pylist()) == {"2026-01-01"}
    assert archive.archived_through("verdicts") == 3
