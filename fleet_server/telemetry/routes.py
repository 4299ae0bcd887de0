"""HTTP of the telemetry: what a device's windows say."""

import math
from collections.abc import Collection
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel

from device_contract.baseline import StreamBaseline
from device_contract.names import DEVICE_ID_PATTERN, NAME_PATTERN
from device_contract.sketches import StreamSketch
from fleet_server.auth import AuthService, Role
from fleet_server.devices.service import DeviceService
from fleet_server.telemetry.frames import defined
from fleet_server.telemetry.history import DecodedWindow, decode
from fleet_server.telemetry.refusals import REASONS
from fleet_server.telemetry.report_frames import report_figures
from fleet_server.telemetry.service import TelemetryService
from fleet_server.web import Cursor, Limit, Page, parse_ordinal

DeviceId = Annotated[str, Path(pattern=DEVICE_ID_PATTERN, description="A device's id.")]
Model = Annotated[str | None, Query(pattern=NAME_PATTERN, description="Windows of this model only.")]


class StreamJson(BaseModel):
    """One feature or output over a window; what no finite value defines is null."""

    name: str
    role: Literal["feature", "output"]
    kind: Literal["number", "category"]
    finite: int
    missing: int
    infinite: int
    out_of_range: int
    repeats: int
    longest_run: int
    mean: float | None
    standard_deviation: float | None
    minimum: float | None
    maximum: float | None
    lag1_correlation: float
    edges: list[float]
    counts: list[int]


class MetricJson(BaseModel):
    """What the application observed beside its rows."""

    name: str
    count: int
    mean: float
    standard_deviation: float
    minimum: float
    maximum: float


class WindowJson(BaseModel):
    """One window of a device."""

    ordinal: int
    device_id: str
    boot_id: str
    sequence: int
    slot: str
    model: str
    version: str
    bundle_sha256: str
    window_start_ms: int
    window_end_ms: int
    merged_windows: int
    received_ms: int
    rows: int
    latency_p50_us: float
    latency_p99_us: float
    t2_mean: float | None
    q_mean: float | None
    score_counts: list[int]
    explained_rows: int
    cpu_s: float
    peak_rss_bytes: int
    metrics: list[MetricJson]
    streams: list[StreamJson]


class TotalsJson(BaseModel):
    """What a device's reports add up to."""

    device_id: str
    rows_scored: int
    reports_ingested: int
    last_window_end_ms: int
    last_received_ms: int


class RefusalJson(BaseModel):
    """What was wrong with some of a device's reports, and what to do; the last of them as the example."""

    reason: str
    meaning: str
    reports: int
    first_ms: int
    last_ms: int
    sequence: int
    window_start_ms: int
    window_end_ms: int
    detail: str


class RefusalsJson(BaseModel):
    """What was wrong with a device's reports, the latest first."""

    device_id: str
    refusals: list[RefusalJson]


def router(telemetry: TelemetryService, devices: DeviceService, auth: AuthService) -> APIRouter:
    """Build the routes.

    Args:
        telemetry: The reports.
        devices: Knows which devices there are.
        auth: Checks roles.
    """
    routes = APIRouter(prefix="/api/v1", tags=["telemetry"], dependencies=[Depends(auth.require(Role.VIEWER))])

    @routes.get("/devices/{device_id}/windows")
    def list_windows(
        device_id: DeviceId, model: Model = None, limit: Limit = 50, cursor: Cursor = None
    ) -> Page[WindowJson]:
        """List a device's windows, the last to arrive first."""
        devices.get(device_id)
        rows = telemetry.latest(device_id, model=model, limit=limit + 1, before=parse_ordinal(cursor))
        items = [window_json(decode(telemetry, row)) for row in rows]
        return Page[WindowJson].cut(items, limit, lambda window: str(window.ordinal))

    @routes.get("/devices/{device_id}/telemetry")
    def get_totals(device_id: DeviceId) -> TotalsJson:
        """Show what a device's reports add up to."""
        devices.get(device_id)
        return TotalsJson.model_validate(telemetry.totals(device_id).model_dump())

    @routes.get("/devices/{device_id}/refusals")
    def list_refusals(device_id: DeviceId) -> RefusalsJson:
        """List why reports of a device were refused, or stored and not judged."""
        devices.get(device_id)
        refusals = [
            RefusalJson(meaning=REASONS[row.reason], **row.model_dump(exclude={"device_id"}))
            for row in telemetry.refusals(device_id)
        ]
        return RefusalsJson(device_id=device_id, refusals=refusals)

    return routes


def window_json(window: DecodedWindow, streams: Collection[str] = ()) -> WindowJson:
    """Show a window.

    Args:
        window: The window.
        streams: These features and outputs alone; empty means all.
    """
    pairs = zip(window.baseline.streams, window.summary.streams, strict=True)
    return WindowJson(
        **window.row.model_dump(exclude={"summary", "baseline_sha256"}),
        **report_figures(window.summary),
        streams=[_stream(*pair) for pair in pairs if not streams or pair[0].name in streams],
    )


def _stream(reference: StreamBaseline, sketch: StreamSketch) -> StreamJson:
    return StreamJson(
        name=reference.name,
        role=reference.role,
        kind=reference.kind,
        finite=sketch.finite,
        missing=sketch.missing,
        infinite=sketch.infinite,
        out_of_range=sketch.out_of_range,
        repeats=sketch.repeats,
        longest_run=sketch.longest_run,
        mean=defined(sketch.mean),
        standard_deviation=defined(math.sqrt(sketch.variance)),
        minimum=defined(sketch.minimum),
        maximum=defined(sketch.maximum),
        lag1_correlation=sketch.lag1_correlation,
        edges=list(reference.edges),
        counts=list(sketch.counts),
    )
