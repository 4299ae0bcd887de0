"""HTTP of the rows behind an alarm."""

import math
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel

from fleet_server.auth import AuthService, Role
from fleet_server.devices.service import DeviceService
from fleet_server.drift.alarmed_rows import AlarmedRow, AlarmedRows, AlarmedRowsService
from fleet_server.drift.routes import DeviceId, Kind, Word
from fleet_server.web import Limit

Against = Annotated[Kind, Query(description="The comparison whose verdict it is.")]


class AlarmedValueJson(BaseModel):
    """One drifting stream of a row."""

    value: float | None
    """Null where it was missing or redacted."""
    distance_sd: float | None
    """From the mean of training, in its standard deviations; null of a category, or where nothing varied."""
    contributions: list[float | None]
    """To each raw score; empty for an output, or where the device sent none."""


class AlarmedRowJson(BaseModel):
    """A row of the time that the verdict is about."""

    row: int
    time_ms: int
    version: str
    window_start_ms: int
    window_end_ms: int
    streams: dict[str, AlarmedValueJson]
    """The drifting ones, by name."""


class AlarmedRowsJson(BaseModel):
    """A verdict, and the sampled rows since it began, the furthest from training first."""

    device_id: str
    kind: Kind
    verdict: Word
    model: str | None
    since_ms: int | None
    sentence: str
    looked_at: int
    """Sampled rows of that time; none where the device may send none, or nothing drifts."""
    rows: list[AlarmedRowJson]


def router(alarmed: AlarmedRowsService, devices: DeviceService, auth: AuthService) -> APIRouter:
    """Build the route; raw values are not for every reader.

    Args:
        alarmed: Finds the rows.
        devices: Knows which devices there are.
        auth: Checks roles.
    """
    engineer = Depends(auth.require(Role.ML_ENGINEER))
    routes = APIRouter(prefix="/api/v1", tags=["drift"], dependencies=[engineer])

    @routes.get("/devices/{device_id}/drift/rows")
    def list_alarmed_rows(device_id: DeviceId, kind: Against = "own", limit: Limit = 50) -> AlarmedRowsJson:
        """Show the sampled rows behind a verdict that drifts: its streams' values, and what they contributed."""
        devices.get(device_id)
        return _json(device_id, kind, alarmed.rows(device_id, kind, limit))

    return routes


def _json(device_id: str, kind: Kind, found: AlarmedRows) -> AlarmedRowsJson:
    verdict = found.verdict
    told = verdict.model_dump(include={"verdict", "model", "since_ms", "sentence"}) if verdict is not None else {}
    nothing = {"verdict": "no_data", "model": None, "since_ms": None, "sentence": "There is nothing to judge yet."}
    return AlarmedRowsJson(
        device_id=device_id,
        kind=kind,
        looked_at=found.looked_at,
        rows=[_row(row) for row in found.rows],
        **(nothing | told),
    )


def _row(found: AlarmedRow) -> AlarmedRowJson:
    sample = found.sample
    return AlarmedRowJson(
        row=found.row.row,
        time_ms=found.row.time_ms,
        version=sample.version,
        window_start_ms=sample.window_start_ms,
        window_end_ms=sample.window_end_ms,
        streams={
            name: AlarmedValueJson(
                value=_number(each.value),
                distance_sd=_number(each.distance_sd),
                contributions=[_number(part) for part in each.contributions],
            )
            for name, each in found.streams.items()
        },
    )


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None
