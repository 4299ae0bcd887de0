"""Forgets what is old: reports, judged windows and changes of verdicts, once all who need them are done."""

from collections.abc import Callable, Sequence
from typing import Final

from sqlalchemy import delete
from sqlmodel import Session, col, func, select

from device_contract.baseline import DAY_MS
from fleet_server.clock import Clock
from fleet_server.db import Database
from fleet_server.drift.tables import (
    DriftCursorRow,
    FleetWindowRow,
    JudgedWindowRow,
    VerdictChangeRow,
    WaitingWindowRow,
)
from fleet_server.telemetry.service import PRUNED_REPORTS, TelemetryService

_EVERY_MS: Final = 60_000

Through = Callable[[], int]
"""Tells up to which ordinal a reader is done."""


class Retention:
    """Keeps what is younger than some days.

    Args:
        database: Where it is.
        telemetry: Prunes the reports.
        clock: Gives the present.
        keep_days: How long reports, judged windows and changes stay.
        reports_read: The other readers of the reports.
        changes_read: The readers of the changes of verdicts.
    """

    def __init__(  # noqa: PLR0913  (two lists of readers, and how long)
        self,
        database: Database,
        telemetry: TelemetryService,
        clock: Clock,
        *,
        keep_days: int,
        reports_read: Sequence[Through],
        changes_read: Sequence[Through],
    ) -> None:
        self._database = database
        self._telemetry = telemetry
        self._clock = clock
        self._keep_ms = keep_days * DAY_MS
        self._reports_read = reports_read
        self._changes_read = changes_read
        self._pruned_ms = 0

    def step(self) -> None:
        """Prune, once a minute."""
        now_ms = self._clock()
        if 0 <= now_ms - self._pruned_ms < _EVERY_MS:
            return
        self._pruned_ms = now_ms
        before_ms = now_ms - self._keep_ms
        reports = min([self._taken_in_through(), *(through() for through in self._reports_read)])
        # a window may wait for ever: of a device that was switched off, the last one does
        waiting = select(WaitingWindowRow.ordinal)
        while self._telemetry.prune(before_ms, up_to_ordinal=reports, needed=waiting) == PRUNED_REPORTS:
            pass
        changes = min((through() for through in self._changes_read), default=None)
        with self._database.session() as session:
            _prune_changes(session, before_ms, changes)
            session.execute(delete(JudgedWindowRow).where(col(JudgedWindowRow.judged_at_ms) < before_ms))
            session.execute(delete(FleetWindowRow).where(col(FleetWindowRow.judged_at_ms) < before_ms))

    def _taken_in_through(self) -> int:
        with self._database.reading() as session:
            return session.exec(select(func.max(DriftCursorRow.ordinal))).one() or 0


def _prune_changes(session: Session, before_ms: int, through: int | None) -> None:
    # the last one is always kept: SQLite would give its ordinal away again, and readers would miss the next
    last = session.exec(select(func.max(VerdictChangeRow.ordinal))).one() or 0
    up_to = last - 1 if through is None else min(through, last - 1)
    old = delete(VerdictChangeRow).where(col(VerdictChangeRow.changed_ms) < before_ms)
    session.execute(old.where(col(VerdictChangeRow.ordinal) <= up_to))
