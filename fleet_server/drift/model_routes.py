"""HTTP of a model's judged windows over many devices, and of the chart of the whole fleet."""

from collections.abc import Iterable, Iterator
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel

from fleet_server.auth import AuthService, Role
from fleet_server.devices.labels import parse_filter
from fleet_server.drift.frames import DRIFT, FLEET, Json
from fleet_server.drift.history import DriftHistory, FleetPlace, JudgedFleet, JudgedWindow
from fleet_server.tabular import TABLES, Format, Wanted, batch, respond
from fleet_server.telemetry.history import Place, Selection, WindowHistory
from fleet_server.telemetry.model_routes import Filters, Model, Since, Until
from fleet_server.web import Cursor, Limit, Page, parse_number

LabelFilter = Annotated[list[str] | None, Query(max_length=32, description="Devices with `key=value`; repeatable.")]


def _segment(label: LabelFilter = None) -> dict[str, str]:
    return parse_filter(label or [])


def _page(limit: Limit = 50, cursor: Cursor = None) -> tuple[int, str | None]:
    return limit, cursor


def _period(since_ms: Since = None, until_ms: Until = None) -> tuple[int | None, int | None]:
    return since_ms, until_ms


Part = Annotated[tuple[int, str | None], Depends(_page)]
Segment = Annotated[dict[str, str], Depends(_segment)]
Period = Annotated[tuple[int | None, int | None], Depends(_period)]


_SHARED = frozenset({"device_id", "model", "version", "window_start_ms", "window_end_ms", "rows", "devices"})
"""Told once for a window as JSON, in every row of a table."""


class JudgedWindowJson(BaseModel):
    """What was found in one window of one device; a severity of 1 is at the alarm level."""

    ordinal: int
    device_id: str
    model: str
    version: str
    window_start_ms: int
    window_end_ms: int
    rows: int
    streams: list[dict[str, Any]]
    """For each: severity and leading channel by comparison, differences by channel, effect sizes."""


class FleetWindowJson(BaseModel):
    """The common movement of the devices in one window, by group and chart."""

    model: str
    reference: str
    """Of the devices in it: those that share what their streams are compared with."""
    window_start_ms: int
    window_end_ms: int
    devices: int
    charts: list[dict[str, Any]]


def router(history: DriftHistory, windows: WindowHistory, auth: AuthService) -> APIRouter:
    """Build the routes.

    Args:
        history: The judged windows.
        windows: Knows which models, versions and streams there are.
        auth: Checks roles.
    """
    routes = APIRouter(prefix="/api/v1", tags=["drift"], dependencies=[Depends(auth.require(Role.VIEWER))])

    @routes.get("/models/{model}/drift", response_model=Page[JudgedWindowJson], responses=TABLES)
    def list_model_drift(model: Model, asked: Filters, labels: Segment, wanted: Wanted, part: Part) -> object:
        """List judged windows by start: as JSON a page of windows, as a table a row for each of their streams."""
        selection, (limit, cursor) = asked.selection(model), part
        windows.check(selection, asked.streams)
        if wanted is not Format.JSON:
            walked = history.walk(selection, labels, asked.streams)
            return respond(wanted, DRIFT, (batch(DRIFT, _rows(found)) for found in walked))
        found = history.page(selection, labels, asked.streams, limit=limit + 1, after=_parse_place(cursor))
        items = [_json(window) for window in found]
        return Page[JudgedWindowJson].cut(items, limit, lambda item: f"{item.window_start_ms}.{item.ordinal}")

    @routes.get("/models/{model}/fleet", response_model=Page[FleetWindowJson], responses=TABLES)
    def list_fleet_windows(model: Model, period: Period, wanted: Wanted, part: Part) -> object:
        """List the fleet's common movement by window: as a table a row for each group and chart."""
        (since_ms, until_ms), (limit, cursor) = period, part
        selection = Selection(model, since_ms=since_ms, until_ms=until_ms)
        windows.check(selection)
        if wanted is not Format.JSON:
            walked = history.walk_fleet(selection)
            return respond(wanted, FLEET, (batch(FLEET, _charts(found)) for found in walked))
        found = history.fleet_page(selection, limit=limit + 1, after=_parse_fleet_place(cursor))
        items = [_fleet_json(window) for window in found]
        return Page[FleetWindowJson].cut(items, limit, _fleet_cursor)

    return routes


def _rows(found: Iterable[JudgedWindow]) -> Iterator[Json]:
    return (told for window in found for told in window.streams)


def _charts(found: Iterable[JudgedFleet]) -> Iterator[Json]:
    return (told for window in found for told in window.charts)


def _json(window: JudgedWindow) -> JudgedWindowJson:
    row = window.row
    return JudgedWindowJson(
        ordinal=row.ordinal or 0,
        device_id=row.device_id,
        model=row.model,
        version=row.version,
        window_start_ms=row.start_ms,
        window_end_ms=row.end_ms,
        rows=row.rows,
        streams=[{name: told[name] for name in told if name not in _SHARED} for told in window.streams],
    )


def _fleet_json(window: JudgedFleet) -> FleetWindowJson:
    row = window.row
    return FleetWindowJson(
        model=row.model,
        reference=row.reference,
        window_start_ms=row.start_ms,
        window_end_ms=row.end_ms,
        devices=row.devices,
        charts=[{name: told[name] for name in told if name not in _SHARED} for told in window.charts],
    )


def _parse_place(cursor: str | None) -> Place | None:
    if cursor is None:
        return None
    start, _, ordinal = cursor.partition(".")
    return parse_number(start), parse_number(ordinal)


def _fleet_cursor(item: FleetWindowJson) -> str:
    return f"{item.window_start_ms}.{item.window_end_ms}.{item.reference}"


def _parse_fleet_place(cursor: str | None) -> FleetPlace | None:
    if cursor is None:
        return None
    start, _, rest = cursor.partition(".")
    end, _, reference = rest.partition(".")
    return parse_number(start), parse_number(end), reference
