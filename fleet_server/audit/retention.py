"""Forgets what was done years ago, unless it is about something that is open still."""

from collections.abc import Sequence

from sqlmodel import col, func, select
from sqlmodel.sql.expression import SelectOfScalar

from fleet_server.audit.tables import AuditRow
from fleet_server.clock import Clock
from fleet_server.db import Database
from fleet_server.pruning import Pruning, delete_some


class AuditRetention:
    """Keeps what is younger than some days.

    Args:
        database: Where it is.
        clock: Gives the present.
        keep_days: How long lines stay.
        needed: Queries of the subjects whose lines stay, however old.
    """

    def __init__(
        self, database: Database, clock: Clock, *, keep_days: int, needed: Sequence[SelectOfScalar[str]]
    ) -> None:
        self._database = database
        self._needed = needed
        self._pruning = Pruning(clock, keep_days, [self._forget])

    def step(self) -> None:
        """Prune, once an hour."""
        self._pruning.step()

    def _forget(self, before_ms: int) -> bool:
        ordinal, subject = col(AuditRow.ordinal), col(AuditRow.subject)
        # the last one is always kept: SQLite would give its ordinal away again
        last = select(func.max(AuditRow.ordinal)).scalar_subquery()
        done = [subject.not_in(subjects) for subjects in self._needed]
        with self._database.session() as session:
            return delete_some(session, ordinal, col(AuditRow.time_ms) < before_ms, ordinal < last, *done)
