"""Which incidents are told of, and in what words."""

from typing import Final, cast

from sqlmodel import Session, col, select

from fleet_server.alerts.language import Severity
from fleet_server.alerts.routing.notices import Notice
from fleet_server.alerts.routing.receivers import ReceiverService
from fleet_server.alerts.silences import active_matchers, is_silent
from fleet_server.alerts.tables import AlertRow, IncidentRow

MAX_TOLD: Final = 100
"""Incidents in one step."""
SHOWN_ALERTS: Final = 20
"""The first of an incident's alerts go with its notice; the others are listed over REST."""


def tell(session: Session, receivers: ReceiverService, now_ms: int) -> None:
    """Write the notices of the incidents that have changed, in the caller's transaction.

    An incident is told of when it opens, when it becomes more severe, and when it closes. An alert
    that joins it is no news.
    """
    matchers = active_matchers(session, now_ms)
    query = select(IncidentRow).where(col(IncidentRow.untold)).order_by(col(IncidentRow.incident_id))
    told = 0
    for incident in session.exec(query):
        if told >= MAX_TOLD:
            return
        if not is_silent(session, incident.incident_id, matchers):
            receivers.post(session, _notice(session, incident), incident.receivers)
            incident.untold, incident.told_severity = False, incident.severity
            told += 1


def _notice(session: Session, incident: IncidentRow) -> Notice:
    event = "closed" if incident.state == "closed" else "opened" if incident.told_severity is None else "changed"
    query = select(AlertRow).where(AlertRow.incident_id == incident.incident_id).order_by(col(AlertRow.alert_id))
    alerts = session.exec(query.limit(SHOWN_ALERTS)).all()
    about = incident.model or incident.rule
    return Notice(
        event=f"incident.{event}",
        severity=cast("Severity", incident.severity),
        subject=f"[{incident.severity}] {about}: {incident.kind} {event}",
        text=_text(incident, event),
        body={
            "incident": incident.model_dump(exclude={"untold", "told_severity", "first_sentence"}),
            "alerts": [alert.model_dump(exclude={"subject"}) for alert in alerts],
        },
    )


def _text(incident: IncidentRow, event: str) -> str:
    facts = {
        "incident": f"{incident.incident_id}, {event}",
        "severity": incident.severity,
        "rule": incident.rule,
        "model": incident.model,
        "devices": incident.devices,
        "features": ", ".join(incident.features),
        "owner": incident.owner,
    }
    lines = [f"{name}: {value}" for name, value in facts.items() if value]
    return "\n".join([incident.sentence, "", *lines, ""])
