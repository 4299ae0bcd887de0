"""HTTP of the requests to train a model anew."""

from itertools import chain
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, status
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from device_contract.names import NAME_PATTERN
from fleet_server.alerts.language import Words
from fleet_server.auth import AuthService, Principal, Role
from fleet_server.clock import Clock
from fleet_server.retraining.rows import TrainingRows
from fleet_server.retraining.service import RetrainingService
from fleet_server.retraining.states import State
from fleet_server.retraining.tables import RetrainingRow
from fleet_server.validation import VISIBLE
from fleet_server.web import Cursor, Limit, Page

PARQUET = "application/vnd.apache.parquet"

RequestId = Annotated[str, Path(max_length=64, pattern=VISIBLE, description="A request's id.")]
OfModel = Annotated[str | None, Query(pattern=NAME_PATTERN, description="Requests of this model only.")]
InState = Annotated[State | None, Query(description="Those in this state only.")]


class RetrainingOrder(BaseModel):
    """A model that shall be trained anew, and why."""

    model: Annotated[str, Field(pattern=NAME_PATTERN)]
    reason: Words


class AnswerRequest(BaseModel):
    """The version that answers a request."""

    version: Annotated[str, Field(pattern=NAME_PATTERN)]


class RetrainingJson(BaseModel):
    """A request."""

    request_id: str
    model: str
    state: State
    reason: str
    opened_by: str
    """A person's name, or `rule:` and the rule's."""
    opened_ms: int
    changed_ms: int
    changed_by: str
    since_ms: int
    """The data begin here."""
    version: str | None
    """What answered it."""
    evidence: dict[str, Any]
    """Verdicts by kind, open incidents and performance, as they were when the request was opened."""


def router(requests: RetrainingService, rows: TrainingRows, auth: AuthService, clock: Clock) -> APIRouter:
    """Build the routes.

    Args:
        requests: The requests.
        rows: Gathers the data.
        auth: Checks roles.
        clock: Gives the present, where the data end.
    """
    routes = APIRouter(prefix="/api/v1", tags=["retraining"])
    viewer = Annotated[Principal, Depends(auth.require(Role.VIEWER))]
    engineer = Annotated[Principal, Depends(auth.require(Role.ML_ENGINEER))]

    @routes.get("/retraining-requests")
    def list_requests(
        _holder: viewer, model: OfModel = None, state: InState = None, limit: Limit = 50, cursor: Cursor = None
    ) -> Page[RetrainingJson]:
        """List requests, the newest first."""
        found = [_json(row) for row in requests.list(limit=limit + 1, model=model, state=state, before=cursor)]
        return Page[RetrainingJson].cut(found, limit, lambda request: request.request_id)

    @routes.post("/retraining-requests", status_code=status.HTTP_201_CREATED)
    def open_request(holder: engineer, body: RetrainingOrder) -> RetrainingJson:
        """Ask for a model to be trained anew."""
        return _json(requests.open(holder.name, body.model, body.reason))

    @routes.get("/retraining-requests/{request_id}")
    def get_request(_holder: viewer, request_id: RequestId) -> RetrainingJson:
        """Show a request with its evidence."""
        return _json(requests.get(request_id))

    @routes.get(
        "/retraining-requests/{request_id}/rows",
        response_class=StreamingResponse,
        responses={status.HTTP_200_OK: {"content": {PARQUET: {}}}},
    )
    def get_rows(_holder: engineer, request_id: RequestId) -> StreamingResponse:
        """Give the model's sampled rows as Parquet, with their labels where those are known."""
        request = requests.get(request_id)
        parts = rows.parquet(request.model, request.since_ms, clock())
        first = next(parts)  # what fails before it is still a problem answer
        return StreamingResponse(chain([first], parts), media_type=PARQUET)

    @routes.post("/retraining-requests/{request_id}/accept")
    def accept_request(holder: engineer, request_id: RequestId) -> RetrainingJson:
        """Say that the model is being trained."""
        return _json(requests.carry_on(holder.name, request_id, "accept"))

    @routes.post("/retraining-requests/{request_id}/answer")
    def answer_request(holder: engineer, request_id: RequestId, body: AnswerRequest) -> RetrainingJson:
        """Say which version answers it."""
        return _json(requests.carry_on(holder.name, request_id, "answer", body.version))

    @routes.post("/retraining-requests/{request_id}/withdraw")
    def withdraw_request(holder: engineer, request_id: RequestId) -> RetrainingJson:
        """Say that the model stays as it is."""
        return _json(requests.carry_on(holder.name, request_id, "withdraw"))

    return routes


def _json(row: RetrainingRow) -> RetrainingJson:
    return RetrainingJson.model_validate(row.model_dump())
