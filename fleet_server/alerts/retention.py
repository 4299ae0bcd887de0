"""Forgets incidents that were closed long ago, with their alerts, and silences that ended then."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement
from sqlalchemy.orm import aliased
from sqlmodel import col, or_, select
from sqlmodel.sql.expression import SelectOfScalar

from fleet_server.alerts.tables import AlertRow, IncidentRow, SilenceRow
from fleet_server.clock import Clock
from fleet_server.db import Database
from fleet_server.pruning import BATCH, Pruning, delete_some


class AlertRetention:
    """Keeps what is open, what it came of, and what was closed within some days.

    An alert stays as long as its incident.

    Args:
        database: Where it is.
        clock: Gives the present.
        keep_days: How long an incident stays once it is closed, and a silence once it has ended.
        needed: Queries of the incidents that stay, however old.
    """

    def __init__(
        self, database: Database, clock: Clock, *, keep_days: int, needed: Sequence[SelectOfScalar[str]]
    ) -> None:
        self._database = database
        self._needed = needed
        self._pruning = Pruning(clock, keep_days, [self._forget_incidents, self._forget_silences])

    def step(self) -> None:
        """Prune, once an hour."""
        self._pruning.step()

    def _forget_incidents(self, before_ms: int) -> bool:
        key = col(IncidentRow.incident_id)
        query = select(IncidentRow.incident_id).where(*self._old(before_ms)).limit(BATCH)
        with self._database.session() as session:
            old = session.exec(query).all()
            if old and not delete_some(session, col(AlertRow.alert_id), col(AlertRow.incident_id).in_(old)):
                delete_some(session, key, key.in_(old))
        return bool(old)

    def _forget_silences(self, before_ms: int) -> bool:
        with self._database.session() as session:
            return delete_some(session, col(SilenceRow.silence_id), col(SilenceRow.until_ms) < before_ms)

    def _old(self, before_ms: int) -> list[ColumnElement[bool]]:
        fleet = aliased(IncidentRow)
        merged_into = col(IncidentRow.merged_into)
        return [
            col(IncidentRow.state) == "closed",
            col(IncidentRow.closed_ms) < before_ms,
            ~col(IncidentRow.untold),
            or_(merged_into.is_(None), merged_into.not_in(select(fleet.incident_id).where(fleet.state == "open"))),
            *(col(IncidentRow.incident_id).not_in(incidents) for incidents in self._needed),
        ]


def open_incidents() -> SelectOfScalar[str]:
    """Return the query of the incidents that are open."""
    return select(IncidentRow.incident_id).where(IncidentRow.state == "open")


def open_alerts() -> SelectOfScalar[str]:
    """Return the query of the alerts that are open."""
    return select(AlertRow.alert_id).where(AlertRow.state == "open")
