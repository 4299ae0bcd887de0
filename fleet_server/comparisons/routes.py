"""HTTP of the comparisons."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import Field

from device_contract.names import DEVICE_ID_PATTERN, NAME_PATTERN
from fleet_server.auth import AuthService, Role
from fleet_server.comparisons.frames import COMPARISON, ComparisonJson, comparison_json, rows
from fleet_server.comparisons.service import ComparisonService
from fleet_server.devices.service import DeviceService
from fleet_server.tabular import TABLES, Format, Wanted, batch, respond
from fleet_server.telemetry.history import Selection
from fleet_server.telemetry.model_routes import MAX_NAMES, Model, Since, Until

DeviceIds = Annotated[
    list[Annotated[str, Field(pattern=DEVICE_ID_PATTERN)]] | None,
    Query(max_length=MAX_NAMES, description="This side's devices; may be repeated."),
]
Version = Annotated[str | None, Query(pattern=NAME_PATTERN, description="This side's version.")]


def _side_a(
    model: Model,
    a_device: DeviceIds = None,
    a_version: Version = None,
    a_since_ms: Since = None,
    a_until_ms: Until = None,
) -> Selection:
    return Selection(model, tuple(a_device or ()), a_version, a_since_ms, a_until_ms)


def _side_b(
    model: Model,
    b_device: DeviceIds = None,
    b_version: Version = None,
    b_since_ms: Since = None,
    b_until_ms: Until = None,
) -> Selection:
    return Selection(model, tuple(b_device or ()), b_version, b_since_ms, b_until_ms)


SideA = Annotated[Selection, Depends(_side_a)]
SideB = Annotated[Selection, Depends(_side_b)]


def router(comparisons: ComparisonService, devices: DeviceService, auth: AuthService) -> APIRouter:
    """Build the routes.

    Args:
        comparisons: Compares.
        devices: Knows which devices there are.
        auth: Checks roles.
    """
    routes = APIRouter(prefix="/api/v1", tags=["comparisons"], dependencies=[Depends(auth.require(Role.VIEWER))])

    @routes.get("/models/{model}/comparison", response_model=ComparisonJson, responses=TABLES)
    def get_comparison(model: Model, a: SideA, b: SideB, wanted: Wanted) -> object:
        """Compare side b of a model's windows with side a, stream by stream; as a table a row for each stream."""
        for device_id in (*a.device_ids, *b.device_ids):
            devices.get(device_id)
        found = comparison_json(model, comparisons.compare(a, b))
        if wanted is Format.JSON:
            return found
        return respond(wanted, COMPARISON, [batch(COMPARISON, rows(found))])

    return routes
