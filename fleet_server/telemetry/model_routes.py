"""HTTP of a model's windows over many devices: devices by streams by windows."""

from dataclasses import dataclass
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Response
from pydantic import Field

from device_contract.names import DEVICE_ID_PATTERN, NAME_PATTERN
from fleet_server.auth import AuthService, Role
from fleet_server.devices.service import DeviceService
from fleet_server.errors import NotAcceptableError
from fleet_server.tabular import TABLES, Format, Wanted, respond
from fleet_server.telemetry.frames import HISTOGRAMS, WINDOWS, histograms_batch, windows_batch
from fleet_server.telemetry.history import Place, Selection, WindowHistory
from fleet_server.telemetry.report_frames import REPORTS, reports_batch
from fleet_server.telemetry.routes import WindowJson, window_json
from fleet_server.web import Cursor, Limit, Page, parse_number

MAX_NAMES = 500
MAX_NAME_LENGTH = 200

Model = Annotated[str, Path(pattern=NAME_PATTERN, description="A model's name.")]
DeviceIds = Annotated[
    list[Annotated[str, Field(pattern=DEVICE_ID_PATTERN)]] | None,
    Query(alias="device", max_length=MAX_NAMES, description="Of this device; may be repeated."),
]
Streams = Annotated[
    list[Annotated[str, Field(max_length=MAX_NAME_LENGTH)]] | None,
    Query(alias="feature", max_length=MAX_NAMES, description="This feature or output; may be repeated."),
]
Version = Annotated[str | None, Query(pattern=NAME_PATTERN, description="Of this version.")]
Since = Annotated[int | None, Query(ge=0, le=2**53, description="Windows that start here or later, Unix ms.")]
Until = Annotated[int | None, Query(ge=0, le=2**53, description="Windows that start before, Unix ms.")]


@dataclass(frozen=True)
class Asked:
    """What a request wants of a model's windows."""

    device_ids: tuple[str, ...]
    streams: tuple[str, ...]
    version: str | None
    since_ms: int | None
    until_ms: int | None

    def selection(self, model: str) -> Selection:
        """Return which windows of a model these are."""
        return Selection(model, self.device_ids, self.version, self.since_ms, self.until_ms)


def _asked(
    device_ids: DeviceIds = None,
    streams: Streams = None,
    version: Version = None,
    since_ms: Since = None,
    until_ms: Until = None,
) -> Asked:
    return Asked(tuple(device_ids or ()), tuple(streams or ()), version, since_ms, until_ms)


Filters = Annotated[Asked, Depends(_asked)]


def router(history: WindowHistory, devices: DeviceService, auth: AuthService) -> APIRouter:
    """Build the routes.

    Args:
        history: Reads the windows.
        devices: Knows which devices there are.
        auth: Checks roles.
    """
    routes = APIRouter(prefix="/api/v1", tags=["telemetry"], dependencies=[Depends(auth.require(Role.VIEWER))])

    def checked(model: str, asked: Asked) -> Selection:
        selection = asked.selection(model)
        history.check(selection, asked.streams)
        for device_id in asked.device_ids:
            devices.get(device_id)
        return selection

    @routes.get("/models/{model}/windows", response_model=Page[WindowJson], responses=TABLES)
    def list_model_windows(
        model: Model, asked: Filters, wanted: Wanted, limit: Limit = 50, cursor: Cursor = None
    ) -> object:
        """List a model's windows by start: as JSON a page of windows, as a table a row for each of their streams."""
        selection = checked(model, asked)
        if wanted is not Format.JSON:
            return respond(wanted, WINDOWS, map(partial(windows_batch, streams=asked.streams), history.walk(selection)))
        found = history.page(selection, limit=limit + 1, after=_parse_place(cursor))
        items = [window_json(window, asked.streams) for window in found]
        return Page[WindowJson].cut(items, limit, lambda window: f"{window.window_start_ms}.{window.ordinal}")

    @routes.get("/models/{model}/histograms", response_class=Response, responses=TABLES)
    def get_model_histograms(model: Model, asked: Filters, wanted: Wanted) -> Response:
        """Give a model's windows as a table, a row for each bin of each stream; JSON has them in the windows."""
        selection = checked(model, asked)
        if wanted is Format.JSON:
            raise NotAcceptableError("histograms are a table: ask for format=arrow or format=csv")
        layout = partial(histograms_batch, streams=asked.streams)
        return respond(wanted, HISTOGRAMS, map(layout, history.walk(selection)))

    @routes.get("/models/{model}/reports", response_class=Response, responses=TABLES)
    def get_model_reports(model: Model, asked: Filters, wanted: Wanted) -> Response:
        """Give what a model's windows say beside their streams as a table, a row for each window."""
        selection = checked(model, asked)
        if wanted is Format.JSON:
            raise NotAcceptableError("reports are a table: ask for format=arrow or format=csv")
        return respond(wanted, REPORTS, map(reports_batch, history.walk(selection)))

    return routes


def _parse_place(cursor: str | None) -> Place | None:
    if cursor is None:
        return None
    start, _, ordinal = cursor.partition(".")
    return parse_number(start), parse_number(ordinal)
