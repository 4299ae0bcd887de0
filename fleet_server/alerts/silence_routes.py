"""HTTP of the silences."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, status
from pydantic import BaseModel, Field

from device_contract.names import DEVICE_ID_PATTERN, NAME_PATTERN
from fleet_server.alerts.language import RuleName, Words
from fleet_server.alerts.silences import Matcher, SilenceService
from fleet_server.auth import AuthService, Principal, Role
from fleet_server.validation import VISIBLE
from fleet_server.web import Cursor, Limit, Page

SilenceId = Annotated[str, Path(max_length=64, pattern=VISIBLE, description="A silence's id.")]


class MatcherJson(BaseModel):
    """Which alerts are meant: those that agree with all that is given."""

    rule: RuleName | None = None
    kind: Words | None = None
    model: Annotated[str, Field(pattern=NAME_PATTERN)] | None = None
    device_id: Annotated[str, Field(pattern=DEVICE_ID_PATTERN)] | None = None
    feature: Words | None = None
    labels: Annotated[dict[Words, Words], Field(max_length=32)] = {}


class SilenceRequest(BaseModel):
    """A time in which nobody is told of some alerts."""

    matcher: MatcherJson
    until_ms: Annotated[int, Field(ge=0, lt=2**53)]
    reason: Words = ""


class SilenceJson(SilenceRequest):
    """A silence."""

    silence_id: str
    created_by: str
    created_ms: int


def router(silences: SilenceService, auth: AuthService) -> APIRouter:
    """Build the routes.

    Args:
        silences: The silences.
        auth: Checks roles.
    """
    routes = APIRouter(prefix="/api/v1", tags=["alerts"])
    viewer = Annotated[Principal, Depends(auth.require(Role.VIEWER))]
    operator = Annotated[Principal, Depends(auth.require(Role.OPERATOR))]

    @routes.get("/silences")
    def list_silences(_holder: viewer, limit: Limit = 50, cursor: Cursor = None) -> Page[SilenceJson]:
        """List silences, ended ones too, the newest first."""
        rows = silences.list(limit=limit + 1, before=cursor)
        items = [SilenceJson.model_validate(row.model_dump()) for row in rows]
        return Page[SilenceJson].cut(items, limit, lambda silence: silence.silence_id)

    @routes.post("/silences", status_code=status.HTTP_201_CREATED)
    def create_silence(holder: operator, body: SilenceRequest) -> SilenceJson:
        """Tell nobody of some alerts for a time."""
        matcher = Matcher(**body.matcher.model_dump())
        row = silences.create(holder.name, matcher, body.until_ms, body.reason)
        return SilenceJson.model_validate(row.model_dump())

    @routes.delete("/silences/{silence_id}", status_code=status.HTTP_204_NO_CONTENT)
    def end_silence(holder: operator, silence_id: SilenceId) -> None:
        """End a silence now."""
        silences.end(holder.name, silence_id)

    return routes
