"""Judges one window of a large fleet in this process, and prints what it cost as JSON.

``python -m benchmarks.judging.worker DATABASE_URL DEVICES WINDOW_MS``; the parent is ``benchmarks.judging``.
"""

import gc
import logging
import os
import resource
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, cast

import msgspec
from prometheus_client import CollectorRegistry
from sqlalchemy import text

from benchmarks.judging.figures import Cost
from benchmarks.judging.fleet import MODEL, Fleet
from detectors import DEFAULT_RATE
from device_contract.baseline import Baseline
from fleet_server.allocator import keep_freed_memory
from fleet_server.audit.service import AuditService
from fleet_server.broker.ingest import Inbound
from fleet_server.bundles.service import BundleService
from fleet_server.db import Database
from fleet_server.devices.service import DeviceService
from fleet_server.drift import controller, judge, judging, pasts, settlement
from fleet_server.drift.controller import DriftController
from fleet_server.drift.policies import DriftPolicy, PolicyService
from fleet_server.telemetry.service import TelemetryService

_LOG = logging.getLogger(__name__)
BEFORE: Final = 2
"""Rounds before those that are measured: the last of them has a window judged, so verdicts and pasts are there."""
MEASURED: Final = 3
"""Rounds of which the cheapest counts: on a shared machine, the others' work makes a round dearer, never cheaper."""
_BATCH: Final = 500
"""Reports in a transaction, as the broker's ingest stores them under load."""
PARTS: Final[tuple[tuple[str, Any, str], ...]] = (
    ("take in", DriftController, "_take"),
    ("take in", controller, "parts_after"),
    ("read", controller, "waiting_window"),
    ("decode", judging, "half_windows"),
    ("load", judging, "load"),
    ("judge", judging, "judge"),
    ("pack", pasts, "pack"),
    ("store", judging, "save"),
    ("verdicts", judge.ModelJudge, "_with_news"),
    ("verdicts", settlement.Settlement, "present"),
    ("verdicts", settlement.Settlement, "settle"),
    ("records", judge, "keep_records"),
)
"""What of the server's work belongs to which part; what is within another part is taken off that."""


class OneBundle:
    """The one bundle that all devices have."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet

    def origin(self, sha256: str) -> tuple[str, str, str]:
        """Tell what the bundle is."""
        return MODEL, "1", sha256

    def baseline(self, _sha256: str) -> Baseline:
        """Return its baseline."""
        return self._fleet.baseline

    def manifest(self, _sha256: str) -> None:
        """It has no units."""


class Stopwatch:
    """Splits the processor's time of this process into parts."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._inner = [0.0]

    def time(self, part: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return a function whose time counts for a part."""

        def timed(*arguments: Any, **named: Any) -> Any:
            started = time.process_time()
            self._inner.append(0.0)
            try:
                return function(*arguments, **named)
            finally:
                took = time.process_time() - started
                self.seconds[part] = self.seconds.get(part, 0.0) + took - self._inner.pop()
                self._inner[-1] += took

        return timed

    @contextmanager
    def on(self, parts: Sequence[tuple[str, Any, str]]) -> Iterator[None]:
        """Time these functions while the context lasts."""
        kept = [(owner, name, getattr(owner, name)) for _, owner, name in parts]
        for (part, _, _), (owner, name, function) in zip(parts, kept, strict=True):
            setattr(owner, name, self.time(part, function))
        try:
            yield
        finally:
            for owner, name, function in kept:
                setattr(owner, name, function)


def measure(url: str, fleet: Fleet) -> Cost:
    """Let a server judge some windows, and measure the last ones."""
    database = Database(url)
    database.migrate()
    clock = lambda: 2**41  # noqa: E731  (long after every window)
    bundles, registry = cast("BundleService", OneBundle(fleet)), CollectorRegistry()
    telemetry = TelemetryService(database, bundles, clock, registry=registry)
    policies = PolicyService(database, AuditService(database, clock), clock, DriftPolicy(DEFAULT_RATE, ""))
    devices = cast("DeviceService", None)  # only groups ask for it
    server = DriftController(database, bundles, devices, policies, clock=clock, registry=registry)
    keep_freed_memory()  # as the server does
    gc.freeze()  # once it runs
    costs = []
    for number in range(BEFORE + MEASURED):
        stored = _store(database, telemetry, list(fleet.round(number)))
        stopwatch = Stopwatch()
        with stopwatch.on(PARTS):
            started, began, others = time.process_time(), time.perf_counter(), _database_seconds(database)
            while server.judge_new():
                pass
            seconds, elapsed = time.process_time() - started, time.perf_counter() - began
            others = _database_seconds(database) - others
        _LOG.info("round %s: %.1f s to store, %.1f s to judge", number, stored, seconds)
        cost = Cost(
            database=url.partition(":")[0].partition("+")[0],
            window_ms=fleet.window_ms,
            devices=fleet.devices,
            parts={"ingest": stored, **stopwatch.seconds, "rest": seconds - sum(stopwatch.seconds.values())},
            database_seconds=others,
            elapsed=elapsed,
            memory_bytes=1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
        )
        costs.append(cost)
    database.close()
    return min(costs[BEFORE:], key=lambda cost: cost.judging)


def _database_seconds(database: Database) -> float:
    """Return the processor time of PostgreSQL's processes that serve this one; none do for SQLite."""
    if database.dialect == "sqlite":
        return 0.0
    with database.reading() as session:
        pids = session.execute(text("SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend'")).scalars()
        times = [Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split() for pid in pids]
    return sum(int(each[11]) + int(each[12]) for each in times) / os.sysconf("SC_CLK_TCK")


def _store(database: Database, telemetry: TelemetryService, reports: Sequence[Any]) -> float:
    started = time.process_time()
    for place in range(0, len(reports), _BATCH):
        with database.session() as session:
            telemetry.ingest_reports(session, [Inbound(one.device_id, one) for one in reports[place : place + _BATCH]])
    return time.process_time() - started


if __name__ == "__main__":
    logging.basicConfig(format="%(message)s", level=logging.INFO)  # to standard error
    _, address, devices, window_ms = sys.argv
    cost = measure(address, Fleet(int(devices), int(window_ms)))
    sys.stdout.buffer.write(msgspec.json.encode(cost) + b"\n")
