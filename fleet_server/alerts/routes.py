"""HTTP of the alerts and incidents."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel

from device_contract.names import NAME_PATTERN
from fleet_server.alerts.desk import AlertDesk
from fleet_server.alerts.language import Severity, Words
from fleet_server.alerts.tables import AlertRow, IncidentRow
from fleet_server.auth import AuthService, Principal, Role
from fleet_server.validation import VISIBLE
from fleet_server.web import Cursor, Limit, Page

AlertId = Annotated[str, Path(max_length=64, pattern=VISIBLE, description="An alert's id.")]
IncidentId = Annotated[str, Path(max_length=64, pattern=VISIBLE, description="An incident's id.")]
State = Annotated[Literal["open", "closed"] | None, Query(description="Those in this state only.")]
OfIncident = Annotated[str | None, Query(max_length=64, pattern=VISIBLE, description="Alerts of this incident only.")]
OfModel = Annotated[str | None, Query(pattern=NAME_PATTERN, description="Incidents of this model only.")]


class _Seen(BaseModel):
    """What alerts and incidents have in common."""

    state: Literal["open", "closed"]
    severity: Severity
    rule: str
    kind: str
    """The signal in a word: `peers`, `training`, `deployment.paused` …"""
    model: str | None
    deployment_id: str | None
    features: list[str]
    sentence: str
    opened_ms: int
    closed_ms: int | None
    acknowledged_ms: int | None
    acknowledged_by: str | None


class AlertJson(_Seen):
    """An alert."""

    alert_id: str
    incident_id: str
    signal: str
    value: float | str | None
    """What the signal read when the alert last changed."""
    device_id: str | None
    version: str | None
    evidence: dict[str, Any]


class IncidentJson(_Seen):
    """Alerts of one cause."""

    incident_id: str
    devices: int
    """How many its open alerts are of."""
    owner: str
    receivers: list[str]
    """Who is told; none: every receiver."""
    joined_ms: int
    """When its last alert opened."""
    closed_by: str | None
    merged_into: str | None
    """The incident of the whole fleet that it turned out to be part of."""
    asks_retraining: bool


class OwnerRequest(BaseModel):
    """Who looks after an incident."""

    owner: Words


def router(desk: AlertDesk, auth: AuthService) -> APIRouter:
    """Build the routes.

    Args:
        desk: Alerts and incidents.
        auth: Checks roles.
    """
    routes = APIRouter(prefix="/api/v1", tags=["alerts"])
    viewer = Annotated[Principal, Depends(auth.require(Role.VIEWER))]
    operator = Annotated[Principal, Depends(auth.require(Role.OPERATOR))]

    @routes.get("/alerts")
    def list_alerts(
        _holder: viewer, state: State = None, incident: OfIncident = None, limit: Limit = 50, cursor: Cursor = None
    ) -> Page[AlertJson]:
        """List alerts, the newest first."""
        rows = desk.alerts(limit=limit + 1, state=state, incident_id=incident, before=cursor)
        return Page[AlertJson].cut([_alert(row) for row in rows], limit, lambda alert: alert.alert_id)

    @routes.post("/alerts/{alert_id}/acknowledge")
    def acknowledge_alert(holder: operator, alert_id: AlertId) -> AlertJson:
        """Say that a person has seen an alert."""
        return _alert(desk.acknowledge_alert(holder.name, alert_id))

    @routes.get("/incidents")
    def list_incidents(
        _holder: viewer, state: State = None, model: OfModel = None, limit: Limit = 50, cursor: Cursor = None
    ) -> Page[IncidentJson]:
        """List incidents, the newest first."""
        rows = desk.incidents(limit=limit + 1, state=state, model=model, before=cursor)
        return Page[IncidentJson].cut([_incident(row) for row in rows], limit, lambda incident: incident.incident_id)

    @routes.get("/incidents/{incident_id}")
    def get_incident(_holder: viewer, incident_id: IncidentId) -> IncidentJson:
        """Show an incident; its alerts are listed by `/alerts?incident=`."""
        return _incident(desk.incident(incident_id))

    @routes.patch("/incidents/{incident_id}")
    def assign_incident(holder: operator, incident_id: IncidentId, body: OwnerRequest) -> IncidentJson:
        """Say who looks after an incident."""
        return _incident(desk.assign(holder.name, incident_id, body.owner))

    @routes.post("/incidents/{incident_id}/acknowledge")
    def acknowledge_incident(holder: operator, incident_id: IncidentId) -> IncidentJson:
        """Say that a person has seen an incident and its alerts."""
        return _incident(desk.acknowledge(holder.name, incident_id))

    @routes.post("/incidents/{incident_id}/close")
    def close_incident(holder: operator, incident_id: IncidentId) -> IncidentJson:
        """Close an incident and its alerts by hand."""
        return _incident(desk.close(holder.name, incident_id))

    return routes


def _alert(row: AlertRow) -> AlertJson:
    return AlertJson.model_validate(row.model_dump())


def _incident(row: IncidentRow) -> IncidentJson:
    return IncidentJson.model_validate(row.model_dump())
