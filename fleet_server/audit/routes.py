"""HTTP of the audit log: reading only."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel

from fleet_server.audit.service import AuditService
from fleet_server.validation import VISIBLE
from fleet_server.web import Cursor, Limit, Page, RoleCheck, parse_ordinal

Filter = Annotated[str | None, Query(max_length=256, pattern=VISIBLE)]


class AuditJson(BaseModel):
    """A change."""

    ordinal: int
    time_ms: int
    actor: str
    action: str
    subject: str
    detail: dict[str, Any]


def router(audit: AuditService, viewer: RoleCheck) -> APIRouter:
    """Build the routes; ``viewer`` checks the role (``audit`` lies below ``auth``)."""
    routes = APIRouter(prefix="/api/v1", tags=["audit"], dependencies=[Depends(viewer)])

    @routes.get("/audit")
    def list_audit(
        action: Filter = None, subject: Filter = None, limit: Limit = 50, cursor: Cursor = None
    ) -> Page[AuditJson]:
        """List changes, the newest first."""
        rows = audit.list(limit=limit + 1, before=parse_ordinal(cursor), action=action, subject=subject)
        items = [AuditJson.model_validate(row.model_dump()) for row in rows]
        return Page[AuditJson].cut(items, limit, lambda item: str(item.ordinal))

    return routes
