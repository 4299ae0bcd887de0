"""The drift verdicts: made from the stored windows as they come, and read by people and alerts."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlmodel import Session, col, select

from device_contract.errors import SketchError
from device_contract.manifest import Manifest
from fleet_server.bundles.service import BundleService
from fleet_server.clock import Clock
from fleet_server.db import Database
from fleet_server.drift.judge import Judge, WindowReport
from fleet_server.drift.tables import DriftCursorRow, DriftStateRow, VerdictChangeRow, VerdictRow
from fleet_server.errors import NotFoundError
from fleet_server.telemetry.service import TelemetryService
from fleet_server.telemetry.tables import WindowRow

_logger = logging.getLogger(__name__)

BATCH_WINDOWS = 50
"""Judged in one transaction: some 10 ms each, while SQLite lets nobody else write."""
_CURSOR = "reports"


@dataclass(frozen=True)
class DeviceDrift:
    """The verdicts on a device, for the model of its latest window."""

    device_id: str
    model: str
    version: str
    verdicts: dict[str, VerdictRow]
    """By kind; one that was never judged is missing."""


class DriftService:
    """Judges the fleet.

    The detectors' state, the verdicts and the place in the stream of reports change in one
    transaction: a server that is killed goes on where it was, and judges nothing twice.

    Args:
        database: Where all of that is kept.
        telemetry: The stored windows.
        bundles: Knows the units of a bundle's streams.
        clock: Gives the present, for the history alone: verdicts follow event time.
    """

    def __init__(self, database: Database, telemetry: TelemetryService, bundles: BundleService, clock: Clock) -> None:
        self._database = database
        self._telemetry = telemetry
        self._bundles = bundles
        self._clock = clock
        self._units: dict[str, dict[str, str]] = {}

    def judge_new(self) -> int:
        """Take in the next batch of windows.

        Returns:
            How many windows there were; fewer than ``BATCH_WINDOWS`` means that none are left.
        """
        with self._database.reading() as session:
            place = session.get(DriftCursorRow, _CURSOR)
        rows = self._telemetry.windows_after(place.ordinal if place else 0, BATCH_WINDOWS)
        if rows:
            reports = list(self._readable(rows))
            with self._database.session() as session:
                Judge(session, self._clock()).take(reports)
                session.merge(DriftCursorRow(name=_CURSOR, ordinal=rows[-1].ordinal))
        return len(rows)

    def device(self, device_id: str) -> DeviceDrift | None:
        """Return the verdicts on a device; ``None`` if it has sent no window yet."""
        query = select(DriftStateRow).where(DriftStateRow.device_id == device_id, col(DriftStateRow.current))
        with self._database.reading() as session:
            return next(iter(_with_verdicts(session, session.exec(query).all())), None)

    def devices(self, *, limit: int, after: str | None = None) -> list[DeviceDrift]:
        """Return the verdicts on all devices that have sent a window, in order of id."""
        query = select(DriftStateRow).where(col(DriftStateRow.current), col(DriftStateRow.device_id) > (after or ""))
        query = query.order_by(col(DriftStateRow.device_id)).limit(limit)
        with self._database.reading() as session:
            return _with_verdicts(session, session.exec(query).all())

    def changes_after(self, ordinal: int, limit: int) -> Sequence[VerdictChangeRow]:
        """Return the changes of verdicts after the one with this ordinal (0: from the first)."""
        query = select(VerdictChangeRow).where(col(VerdictChangeRow.ordinal) > ordinal)
        with self._database.reading() as session:
            return session.exec(query.order_by(col(VerdictChangeRow.ordinal)).limit(limit)).all()

    def _readable(self, rows: Iterable[WindowRow]) -> Iterable[WindowReport]:
        for row in rows:
            if row.slot == "shadow" or not row.rows:  # a shadow sees the rows that the champion sees
                continue
            try:
                yield self._report(row)
            except (NotFoundError, SketchError) as error:
                _logger.warning("report %s of %s is not judged: %s", row.sequence, row.device_id, error)

    def _report(self, row: WindowRow) -> WindowReport:
        return WindowReport(
            device_id=row.device_id,
            model=row.model,
            version=row.version,
            start_ms=row.window_start_ms,
            end_ms=row.window_end_ms,
            baseline_sha256=row.baseline_sha256,
            baseline=self._telemetry.baseline(row),
            units=self._units_of(row.bundle_sha256),
            summary=self._telemetry.summary(row),
        )

    def _units_of(self, bundle_sha256: str) -> dict[str, str]:
        if bundle_sha256 not in self._units:
            manifest = self._bundles.manifest(bundle_sha256)
            self._units[bundle_sha256] = _units(manifest) if manifest is not None else {}
        return self._units[bundle_sha256]


def _units(manifest: Manifest) -> dict[str, str]:
    inputs = {feature.name: feature.unit for feature in manifest.features}
    return inputs | {output.name: output.unit for output in manifest.outputs}


def _with_verdicts(session: Session, states: Sequence[DriftStateRow]) -> list[DeviceDrift]:
    query = select(VerdictRow).where(col(VerdictRow.device_id).in_([state.device_id for state in states]))
    verdicts: dict[tuple[str, str], dict[str, VerdictRow]] = {}
    for row in session.exec(query):
        verdicts.setdefault((row.device_id, row.model), {})[row.kind] = row
    return [
        DeviceDrift(state.device_id, state.model, state.version, verdicts.get((state.device_id, state.model), {}))
        for state in states
    ]
