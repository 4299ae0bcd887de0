"""HTTP of the summaries."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Response, status
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, Field

from device_contract.names import NAME_PATTERN
from fleet_server.alerts.language import RuleName
from fleet_server.auth import AuthService, Principal, Role
from fleet_server.summaries.facts import Summary
from fleet_server.summaries.page import html
from fleet_server.summaries.schedule import Every
from fleet_server.summaries.service import SummaryService
from fleet_server.summaries.tables import SubscriptionRow
from fleet_server.validation import VISIBLE
from fleet_server.web import Cursor, Limit, Page

Model = Annotated[str, Path(pattern=NAME_PATTERN, description="A model's name.")]
Days = Annotated[int, Query(ge=1, le=366, description="About so many days until now.")]
SubscriptionId = Annotated[str, Path(max_length=64, pattern=VISIBLE, description="A subscription's id.")]
# The page holds no script and asks for nothing: should a name ever get past the escaping, it does nothing.
_PAGE_HEADERS = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}


class SubscriptionRequest(BaseModel):
    """Who gets a summary of what, and when."""

    receiver: RuleName
    model: Annotated[str, Field(pattern=NAME_PATTERN)] | None = None
    every: Every
    """`week`: on Mondays."""
    hour: Annotated[int, Field(ge=0, le=23, description="UTC.")] = 6


class SubscriptionJson(SubscriptionRequest):
    """Somebody who gets summaries."""

    subscription_id: str
    last_ms: int
    """When it was sent last, or arranged."""


def router(summaries: SummaryService, auth: AuthService) -> APIRouter:
    """Build the routes.

    Args:
        summaries: The summaries.
        auth: Checks roles.
    """
    routes = APIRouter(prefix="/api/v1", tags=["summaries"])
    viewer = Annotated[Principal, Depends(auth.require(Role.VIEWER))]

    @routes.get("/summary")
    def get_fleet_summary(_holder: viewer, days: Days = 7) -> Summary:
        """Sum the fleet up."""
        return summaries.summary(None, days)

    @routes.get("/summary.html", response_class=HTMLResponse)
    def get_fleet_page(_holder: viewer, days: Days = 7) -> Response:
        """Sum the fleet up, as a page."""
        return HTMLResponse(html(summaries.summary(None, days)), headers=_PAGE_HEADERS)

    @routes.get("/models/{model}/summary")
    def get_model_summary(_holder: viewer, model: Model, days: Days = 7) -> Summary:
        """Sum a model up."""
        return summaries.summary(model, days)

    @routes.get("/models/{model}/summary.html", response_class=HTMLResponse)
    def get_model_page(_holder: viewer, model: Model, days: Days = 7) -> Response:
        """Sum a model up, as a page."""
        return HTMLResponse(html(summaries.summary(model, days)), headers=_PAGE_HEADERS)

    _add_subscriptions(routes, summaries, auth)
    return routes


def _add_subscriptions(routes: APIRouter, summaries: SummaryService, auth: AuthService) -> None:
    operator = Annotated[Principal, Depends(auth.require(Role.OPERATOR))]

    @routes.get("/summary-subscriptions")
    def list_subscriptions(_holder: operator, limit: Limit = 50, cursor: Cursor = None) -> Page[SubscriptionJson]:
        """List who gets summaries."""
        items = [_json(row) for row in summaries.subscriptions(limit=limit + 1, after=cursor)]
        return Page[SubscriptionJson].cut(items, limit, lambda each: each.subscription_id)

    @routes.post("/summary-subscriptions", status_code=status.HTTP_201_CREATED)
    def subscribe(holder: operator, body: SubscriptionRequest) -> SubscriptionJson:
        """Send a summary by e-mail, each day or week."""
        return _json(summaries.subscribe(holder.name, body.receiver, body.model, body.every, body.hour))

    @routes.delete("/summary-subscriptions/{subscription_id}", status_code=status.HTTP_204_NO_CONTENT)
    def unsubscribe(holder: operator, subscription_id: SubscriptionId) -> None:
        """Send it no more."""
        summaries.unsubscribe(holder.name, subscription_id)


def _json(row: SubscriptionRow) -> SubscriptionJson:
    return SubscriptionJson.model_validate(row.model_dump())
