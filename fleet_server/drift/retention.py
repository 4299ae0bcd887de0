"""Forgets what is old: reports, judged windows and changes of verdicts, once all who need them are done."""

from collections.abc import Callable, Sequence
from typing import Final

from sqlalchemy import delete
from sqlmodel import col, func, select

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

BATCH: Final = 500
"""Judged windows or changes of one transaction, while SQLite lets nobody else write."""
_BATCHES: Final = 100
"""Of each in one step, lest the other rooms wait while a long pause is made up for."""
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
        """Prune, once a minute; where there is much to prune, the next step goes on with it."""
        now_ms = self._clock()
        if 0 <= now_ms - self._pruned_ms < _EVERY_MS:
            return
        before_ms = now_ms - self._keep_ms
        with self._database.session() as session:  # there are few: of all devices together
            session.execute(delete(FleetWindowRow).where(col(FleetWindowRow.judged_at_ms) < before_ms))
        some_left = [_prune(some, before_ms) for some in (self._reports, self._changes, self._judged)]
        if not any(some_left):
            self._pruned_ms = now_ms

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
        ordinal = col(JudgedWindowRow.ordinal)
        with self._database.session() as session:
            old = session.exec(select(ordinal).where(col(JudgedWindowRow.judged_at_ms) < before_ms).limit(BATCH)).all()
            if old:
                session.execute(delete(JudgedWindowRow).where(ordinal.in_(old)))
        return len(old) == BATCH

    def _taken_in_through(self) -> int:
        with self._database.reading() as session:
            return session.exec(select(func.max(DriftCursorRow.ordinal))).one() or 0


def _prune(some: Callable[[int], bool], before_ms: int) -> bool:
    """Prune batch by batch; return whether there is more."""
    return all(some(before_ms) for _ in range(_BATCHES))
