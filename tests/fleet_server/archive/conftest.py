"""An archiver over the seeded fleet's database."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from device_contract.messages import Report
from fleet_server.archive.service import ArchiveService
from fleet_server.archive.verdicts import verdicts_source
from fleet_server.archive.windows import windows_source
from fleet_server.broker.ingest import Inbound
from fleet_server.db import Database
from fleet_server.telemetry.service import TelemetryService
from tests.fleet_server import seeded_fleet
from tests.fleet_server.seeded_fleet import DEVICES, SeededBundles

BUNDLES = SeededBundles()


@cache
def report(device_id: str, window: int) -> Report:
    return seeded_fleet.report(BUNDLES, device_id, window, late=False)


@dataclass
class Room:
    """The archiver, and the telemetry whose windows it writes."""

    database: Database
    clock: Any
    folder: Path

    def __post_init__(self) -> None:
        self.telemetry = TelemetryService(self.database, BUNDLES, self.clock, registry=CollectorRegistry())
        self.registry = CollectorRegistry()
        self.source = windows_source(self.database, self.telemetry)
        self.changes: list[dict[str, Any]] = []
        self.verdicts = verdicts_source(lambda: len(self.changes), lambda after, until: self.changes[after:until])
        self.service = ArchiveService(
            self.database,
            self.folder,
            [self.source, self.verdicts],
            self.clock,
            registry=self.registry,
            range_ordinals=50,
        )

    def ingest(self, *windows: int) -> None:
        reports = [report(device_id, window) for window in windows for device_id in DEVICES]
        with self.database.session() as session:
            self.telemetry.ingest_reports(session, [Inbound(made.device_id, made) for made in reports])

    def change(self, device_id: str, before: str, after: str, changed_ms: int) -> None:
        """Let a verdict change."""
        change = {"ordinal": len(self.changes) + 1, "device_id": device_id, "model": seeded_fleet.MODEL, "kind": "own"}
        change |= {"group": "", "version": "1", "verdict_before": before, "verdict": after, "features": ["wind"]}
        change |= {"outputs": [], "severity": 1.5, "since_ms": changed_ms, "changed_ms": changed_ms}
        self.changes.append(change | {"cause": "offset", "sentence": "It is off.", "advice": "Look at it."})

    def write(self) -> None:
        for source in (self.source, self.verdicts):
            while self.service.archive_next(source):
                pass

    def files(self) -> list[str]:
        return sorted(str(path.relative_to(self.folder)) for path in self.folder.rglob("*.parquet"))


@pytest.fixture
def room(database: Database, clock: Any, tmp_path: Path) -> Room:
    clock.now_ms = seeded_fleet.START_MS + 10 * 86_400_000
    return Room(database, clock, tmp_path / "archive")
