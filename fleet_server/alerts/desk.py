"""What people do with alerts and incidents: look, acknowledge, take over, close."""

from collections.abc import Sequence

from sqlmodel import Session, select

from fleet_server.alerts.tables import AlertRow, IncidentRow
from fleet_server.audit.service import AuditService
from fleet_server.clock import Clock
from fleet_server.db import Database, existing, newest_first
from fleet_server.errors import ConflictError


class AlertDesk:
    """Alerts and incidents, as people see them.

    Args:
        database: Where they are kept.
        audit: Is told of every change.
        clock: Gives the present.
    """

    def __init__(self, database: Database, audit: AuditService, clock: Clock) -> None:
        self._database = database
        self._audit = audit
        self._clock = clock

    def alerts(
        self, *, limit: int, state: str | None = None, incident_id: str | None = None, before: str | None = None
    ) -> Sequence[AlertRow]:
        """Return alerts, the newest first."""
        query = newest_first(AlertRow, "alert_id", limit=limit, before=before, state=state, incident_id=incident_id)
        with self._database.reading() as session:
            return session.exec(query).all()

    def incidents(
        self, *, limit: int, state: str | None = None, model: str | None = None, before: str | None = None
    ) -> Sequence[IncidentRow]:
        """Return incidents, the newest first."""
        query = newest_first(IncidentRow, "incident_id", limit=limit, before=before, state=state, model=model)
        with self._database.reading() as session:
            return session.exec(query).all()

    def incident(self, incident_id: str) -> IncidentRow:
        """Return an incident.

        Raises:
            NotFoundError: There is no such incident.
        """
        with self._database.reading() as session:
            return existing(session, IncidentRow, incident_id, "incident")

    def acknowledge_alert(self, actor: str, alert_id: str) -> AlertRow:
        """Note who has seen an alert first; once more changes nothing.

        Raises:
            NotFoundError: There is no such alert.
        """
        with self._database.session() as session:
            row = existing(session, AlertRow, alert_id, "alert")
            if self._see(actor, row):
                self._audit.record(session, actor, "alert.acknowledge", alert_id)
            return row

    def acknowledge(self, actor: str, incident_id: str) -> IncidentRow:
        """Note who has seen an incident, and so its open alerts, first.

        Raises:
            NotFoundError: There is no such incident.
        """
        with self._database.session() as session:
            row = existing(session, IncidentRow, incident_id, "incident")
            for alert in _open_alerts(session, incident_id):
                self._see(actor, alert)
            if self._see(actor, row):
                self._audit.record(session, actor, "incident.acknowledge", incident_id)
            return row

    def assign(self, actor: str, incident_id: str, owner: str) -> IncidentRow:
        """Say who looks after an incident.

        Raises:
            NotFoundError: There is no such incident.
        """
        with self._database.session() as session:
            row = existing(session, IncidentRow, incident_id, "incident")
            row.owner = owner
            self._audit.record(session, actor, "incident.assign", incident_id, owner=owner)
            return row

    def close(self, actor: str, incident_id: str) -> IncidentRow:
        """Close an incident and its alerts by hand.

        An alert whose condition still holds opens again once it has been left and met anew.

        Raises:
            NotFoundError: There is no such incident.
            ConflictError: It is closed.
        """
        with self._database.session() as session:
            row = existing(session, IncidentRow, incident_id, "incident")
            if row.state == "closed":
                raise ConflictError(f"incident {incident_id} is closed", code="incident_closed")
            for alert in (*_open_alerts(session, incident_id), row):
                alert.state, alert.closed_ms = "closed", self._clock()
            row.closed_by, row.untold = actor, row.told_severity is not None
            self._audit.record(session, actor, "incident.close", incident_id)
            return row

    def _see(self, actor: str, row: AlertRow | IncidentRow) -> bool:
        if row.acknowledged_ms is not None:
            return False
        row.acknowledged_ms, row.acknowledged_by = self._clock(), actor
        return True


def _open_alerts(session: Session, incident_id: str) -> Sequence[AlertRow]:
    return session.exec(select(AlertRow).where(AlertRow.incident_id == incident_id, AlertRow.state == "open")).all()
