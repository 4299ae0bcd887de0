"""HTTP of the receivers."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, status
from pydantic import BaseModel, Field

from fleet_server.alerts.language import RuleName, Severity
from fleet_server.alerts.routing.receivers import MAX_ADDRESS_CHARACTERS, ReceiverService, Waiting
from fleet_server.alerts.routing.tables import ReceiverRow
from fleet_server.auth import AuthService, Principal, Role
from fleet_server.validation import VISIBLE
from fleet_server.web import Cursor, Limit, Page

Name = Annotated[str, Path(max_length=64, pattern=VISIBLE, description="A receiver's name.")]

NOTHING_WAITS = Waiting(0, "")


class ReceiverRequest(BaseModel):
    """Somebody, or something, that shall be told."""

    name: RuleName
    kind: Literal["webhook", "mail", "mqtt"]
    address: Annotated[
        str, Field(max_length=MAX_ADDRESS_CHARACTERS, description="A URL or an e-mail address; none for MQTT.")
    ] = ""
    minimum_severity: Severity = "information"
    """What is less severe is not told."""


class ReceiverJson(ReceiverRequest):
    """A receiver, without a webhook's secret."""

    created_ms: int


class ListedReceiverJson(ReceiverJson):
    """A receiver, and how notices reach it."""

    waiting: int
    """Notices that have not arrived yet."""
    last_error: str
    """Why; empty: they were not tried yet, or none wait."""


class NewReceiverJson(ReceiverJson):
    """A receiver with the secret that signs a webhook's deliveries, which is told this once."""

    secret: str


def router(receivers: ReceiverService, auth: AuthService) -> APIRouter:
    """Build the routes.

    Args:
        receivers: The receivers.
        auth: Checks roles.
    """
    routes = APIRouter(prefix="/api/v1", tags=["alerts"])
    operator = Annotated[Principal, Depends(auth.require(Role.OPERATOR))]

    @routes.get("/receivers")
    def list_receivers(_holder: operator, limit: Limit = 50, cursor: Cursor = None) -> Page[ListedReceiverJson]:
        """List who is told, without their secrets."""
        rows = receivers.list(limit=limit + 1, after=cursor)
        waiting = receivers.waiting([row.name for row in rows])
        items = [_listed(row, waiting.get(row.name, NOTHING_WAITS)) for row in rows]
        return Page[ListedReceiverJson].cut(items, limit, lambda receiver: receiver.name)

    @routes.post("/receivers", status_code=status.HTTP_201_CREATED)
    def create_receiver(holder: operator, body: ReceiverRequest) -> NewReceiverJson:
        """Add a receiver; a webhook's secret is told this once."""
        row = receivers.create(holder.name, body.name, body.kind, body.address, body.minimum_severity)
        return NewReceiverJson.model_validate(row.model_dump())

    @routes.delete("/receivers/{name}", status_code=status.HTTP_204_NO_CONTENT)
    def delete_receiver(holder: operator, name: Name) -> None:
        """Remove a receiver, and what waits to be sent to it."""
        receivers.delete(holder.name, name)

    return routes


def _listed(row: ReceiverRow, waiting: Waiting) -> ListedReceiverJson:
    return ListedReceiverJson(**row.model_dump(), waiting=waiting.notices, last_error=waiting.last_error)
