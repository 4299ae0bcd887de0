"""HTTP of the one look at a window: which findings are more than chance."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel

from fleet_server.auth import AuthService, Role
from fleet_server.bundles.service import BundleService
from fleet_server.db import Database
from fleet_server.drift.sign_off import FINDINGS, Finding, sign_off
from fleet_server.drift.verdict import DeviceKind
from fleet_server.tabular import TABLES, Format, Wanted, batch, respond
from fleet_server.telemetry.model_routes import Model
from fleet_server.web import Limit

Against = Annotated[DeviceKind, Query(description="The comparison.")]
Rate = Annotated[
    float, Query(gt=0, lt=1, description="Share of the findings that may be chance: Benjamini and Hochberg's.")
]
At = Annotated[int | None, Query(ge=0, le=2**53, description="The last window that starts here or earlier, Unix ms.")]


class SignOffJson(BaseModel):
    """One look at a window; nothing found signs it off."""

    model: str
    against: DeviceKind
    false_discovery_rate: float
    window_start_ms: int
    window_end_ms: int
    devices: int
    """That have the window."""
    not_compared: int
    """How many of them could not be compared in any chart: they are learned, have no peers, or came late."""
    charts: int
    """That were looked at, over all devices."""
    found: int
    items: list[Finding]
    """The first of what was found, the least probable first."""


def router(database: Database, bundles: BundleService, auth: AuthService) -> APIRouter:
    """Build the routes.

    Args:
        database: Where the judged windows are.
        bundles: Knows which models there are.
        auth: Checks roles.
    """
    routes = APIRouter(prefix="/api/v1", tags=["drift"], dependencies=[Depends(auth.require(Role.VIEWER))])

    @routes.get("/models/{model}/drift/sign-off", response_model=SignOffJson, responses=TABLES)
    def get_sign_off(  # noqa: PLR0913, PLR0917  (each is a parameter of the request)
        model: Model,
        wanted: Wanted,
        against: Against = "own",
        false_discovery_rate: Rate = 0.05,
        at_ms: At = None,
        limit: Limit = 50,
    ) -> object:
        """Look once at the last judged window: as JSON the first findings, as a table all."""
        bundles.model(model)
        told = sign_off(database, model, against, false_discovery_rate, at_ms)
        if wanted is not Format.JSON:
            return respond(wanted, FINDINGS, [batch(FINDINGS, map(vars, told.findings))])
        return SignOffJson(
            model=model,
            against=against,
            false_discovery_rate=false_discovery_rate,
            window_start_ms=told.start_ms,
            window_end_ms=told.end_ms,
            devices=told.devices,
            not_compared=told.not_compared,
            charts=told.charts,
            found=len(told.findings),
            items=told.findings[:limit],
        )

    return routes
