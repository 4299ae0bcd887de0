"""HTTP of the alerts and the webhooks."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query, status
from pydantic import BaseModel, Field

from fleet_server.alerts.service import AlertService
from fleet_server.alerts.tables import AlertRow
from fleet_server.alerts.webhooks import MAX_URL_CHARACTERS, WebhookService
from fleet_server.auth import AuthService, Principal, Role
from fleet_server.web import VISIBLE, Cursor, Limit, Page

AlertId = Annotated[str, Path(max_length=64, pattern=VISIBLE, description="An alert's id.")]
WebhookId = Annotated[str, Path(max_length=64, pattern=VISIBLE, description="A webhook's id.")]
State = Annotated[Literal["open", "closed"] | None, Query(description="Alerts in this state only.")]


class AlertJson(BaseModel):
    """An alert."""

    alert_id: str
    state: Literal["open", "closed"]
    severity: Literal["information", "warning", "critical"]
    kind: Literal["peers", "training", "rollout"]
    device_id: str | None
    model: str
    version: str
    deployment_id: str | None
    features: list[str]
    """The drifting streams, the most severe first."""
    sentence: str
    evidence: dict[str, Any]
    opened_ms: int
    closed_ms: int | None
    acknowledged_ms: int | None
    acknowledged_by: str | None


class WebhookRequest(BaseModel):
    """An address that shall get the alerts."""

    url: Annotated[str, Field(max_length=MAX_URL_CHARACTERS, description="http or https.")]


class WebhookJson(BaseModel):
    """A webhook, without its secret."""

    webhook_id: str
    url: str
    created_ms: int


class NewWebhookJson(WebhookJson):
    """A webhook with the secret that signs its deliveries, which is told this once."""

    secret: str


def router(alerts: AlertService, webhooks: WebhookService, auth: AuthService) -> APIRouter:
    """Build the routes.

    Args:
        alerts: The alerts.
        webhooks: The webhooks.
        auth: Checks roles.
    """
    routes = APIRouter(prefix="/api/v1", tags=["alerts"])
    viewer = Annotated[Principal, Depends(auth.require(Role.VIEWER))]
    operator = Annotated[Principal, Depends(auth.require(Role.OPERATOR))]

    @routes.get("/alerts")
    def list_alerts(_holder: viewer, state: State = None, limit: Limit = 50, cursor: Cursor = None) -> Page[AlertJson]:
        """List alerts, the newest first."""
        items = [_alert(row) for row in alerts.list(limit=limit + 1, state=state, before=cursor)]
        return Page[AlertJson].cut(items, limit, lambda alert: alert.alert_id)

    @routes.post("/alerts/{alert_id}/acknowledge")
    def acknowledge_alert(holder: operator, alert_id: AlertId) -> AlertJson:
        """Say that a person has seen an alert."""
        return _alert(alerts.acknowledge(holder.name, alert_id))

    @routes.get("/webhooks")
    def list_webhooks(_holder: operator, limit: Limit = 50, cursor: Cursor = None) -> Page[WebhookJson]:
        """List webhooks, without their secrets."""
        rows = webhooks.list(limit=limit + 1, after=cursor)
        items = [WebhookJson.model_validate(row.model_dump()) for row in rows]
        return Page[WebhookJson].cut(items, limit, lambda webhook: webhook.webhook_id)

    @routes.post("/webhooks", status_code=status.HTTP_201_CREATED)
    def create_webhook(holder: operator, body: WebhookRequest) -> NewWebhookJson:
        """Add a webhook; its secret is told this once."""
        return NewWebhookJson.model_validate(webhooks.create(holder.name, body.url).model_dump())

    @routes.delete("/webhooks/{webhook_id}", status_code=status.HTTP_204_NO_CONTENT)
    def delete_webhook(holder: operator, webhook_id: WebhookId) -> None:
        """Remove a webhook, and what waits to be sent to it."""
        webhooks.delete(holder.name, webhook_id)

    return routes


def _alert(row: AlertRow) -> AlertJson:
    return AlertJson.model_validate(row.model_dump(exclude={"subject"}))
