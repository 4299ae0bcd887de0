"""Forgets what is old: reports, judged windows and changes of verdicts, once all who need them are done."""

from collections.abc import Callable, Sequence

from sqlalchemy import delete
from sqlmodel import col, func, select

from fleet_server.clock import Clock
from fleet_server.db import Database
from fleet_server.drift.tables import (
    DriftCursorRow,
    FleetWindowRow,
    JudgedWindowRow,
    VerdictChangeRow,
    WaitingWindowRow,
)
from fleet_server.pruning import BATCH, Pruning, delete_oldest
from fleet_server.telemetry.service import PRUNED_REPORTS, TelemetryService

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
        self._reports_read = reports_read
        self._changes_read = changes_read
        self._pruning = Pruning(clock, keep_days, [self._fleet_windows, self._reports, self._changes, self._judged])

    def step(self) -> None:
        """Prune, once an hour."""
        self._pruning.step()

    def _fleet_windows(self, before_ms: int) -> bool:
        with self._database.session() as session:  # there are few: of all devices together
            session.execute(delete(FleetWindowRow).where(col(FleetWindowRow.judged_at_ms) < before_ms))
        return False

    def _reports(self, before_ms: int) -> bool:
        through = min([self._taken_in_through(), *(through() for through in self._reports_read)])
        # a window may wait for ever: of a device that was switched off, the last one does
        waiting = select(WaitingWindowRow.ordinal)
        return self._telemetry.prune(before_ms, up_to_ordinal=through, needed=waiting) == PRUNED_REPORTS

    def _changes(self, before_ms: int) -> bool:
        through = min((through() for through in self._changes_read), default=None)
        ordinal = col(VerdictChangeRow.ordinal)
        with self._database.session() as session:
            # the last one is always kept: SQLite would give its ordinal away again, and readers would miss the next
            last = session.exec(select(func.max(ordinal))).one() or 0
            up_to = last - 1 if through is None else min(through, last - 1)
            oldest = select(ordinal, VerdictChangeRow.changed_ms).where(ordinal <= up_to).order_by(ordinal)
            old = [place for place, changed_ms in session.exec(oldest.limit(BATCH)) if changed_ms < before_ms]
            if old:
                session.execute(delete(VerdictChangeRow).where(ordinal.in_(old)))
        return len(old) == BATCH

    def _judged(self, before_ms: int) -> bool:
        with self._database.session() as session:
            return delete_oldest(session, col(JudgedWindowRow.ordinal), col(JudgedWindowRow.judged_at_ms) < before_ms)

    def _taken_in_through(self) -> int:
        with self._database.reading() as session:
            return session.exec(select(func.max(DriftCursorRow.ordinal))).one() or 0
