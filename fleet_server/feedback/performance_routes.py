"""HTTP of performance: how versions do, with intervals, from labels and without them."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Annotated, Any, Final

import pyarrow as pa
from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel

from fleet_server.auth import AuthService, Role
from fleet_server.errors import InvalidRequestError
from fleet_server.feedback import cbpe
from fleet_server.feedback.business import Limits, State, judge
from fleet_server.feedback.intervals import Estimate
from fleet_server.feedback.limits import MetricLimits
from fleet_server.feedback.parameters import DeviceId, Existing, Model, PathVersion, Selected, Since, Until
from fleet_server.feedback.performance import Expectation, Group
from fleet_server.feedback.queries import Grouping, Performance, PerformanceService
from fleet_server.feedback.report import EstimateJson, ReportJson, report_of
from fleet_server.feedback.selection import Selection
from fleet_server.feedback.units import Unit
from fleet_server.tabular import TABLES, Format, Wanted, batch, every_page, respond
from fleet_server.web import Cursor, Limit, Page, parse_ordinal

By = Annotated[Grouping, Query(description="What to group by, beside the version.")]
Label = Annotated[
    str | None, Query(max_length=63, pattern=r"^[!-~]+$", description="Key of the device label that makes segments.")
]
VALID_WHILE: Final = "Valid only while the concept holds: a change of what inputs mean shows in labels alone."


class ExpectationJson(BaseModel):
    """What labels would show, estimated from scores alone."""

    figures: dict[str, EstimateJson]
    reason: str
    """Why there is no figure; empty if there is."""
    meaning: str


class MetricJson(BaseModel):
    """A custom metric and its limits."""

    count: int
    mean: EstimateJson
    minimum: float
    maximum: float
    state: State
    interval_rests_on: Unit


class PerformanceJson(BaseModel):
    """How one version does on a group of windows."""

    model: str
    version: str
    device_id: str | None
    segment: str | None
    window_start_ms: int | None
    window_end_ms: int | None
    devices: int
    windows: int
    rows: int
    labelled: int
    interval_rests_on: Unit
    figures: dict[str, EstimateJson]
    expected: ExpectationJson
    metrics: dict[str, MetricJson]


COLUMNS: Final = pa.schema(
    [
        ("model", pa.string()),
        ("version", pa.string()),
        ("device_id", pa.string()),
        ("segment", pa.string()),
        ("window_start_ms", pa.int64()),
        ("window_end_ms", pa.int64()),
        ("devices", pa.int64()),
        ("windows", pa.int64()),
        ("rows", pa.int64()),
        ("labelled", pa.int64()),
        ("source", pa.string()),
        ("figure", pa.string()),
        ("value", pa.float64()),
        ("low", pa.float64()),
        ("high", pa.float64()),
    ]
)
"""One row a figure; its source is ``labels``, ``scores`` (estimated without labels) or ``metrics``."""


def router(performance: PerformanceService, limits: MetricLimits, existing: Existing, auth: AuthService) -> APIRouter:
    """Build the routes.

    Args:
        performance: Answers them.
        limits: Of custom metrics.
        existing: Knows what may be asked for.
        auth: Checks roles.
    """
    routes = APIRouter(prefix="/api/v1", tags=["performance"], dependencies=[Depends(auth.require(Role.VIEWER))])

    @routes.get("/models/{model}/performance", response_model=Page[PerformanceJson], responses=TABLES)
    def list_performance(  # noqa: PLR0913, PLR0917  (the query's parameters)
        model: Model,
        chosen: Selected,
        wanted: Wanted,
        by: By = "version",
        label: Label = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> object:
        """Show how versions do: all together, by device, by segment (a device label) or by window."""
        existing.check(chosen)
        ask, bounds = _asking(performance, chosen, by, label), limits.of(model)

        def page(limit: int, cursor: str | None) -> Page[PerformanceJson]:
            found, last = ask(limit, cursor)
            items = [_json(model, each, bounds) for each in found]
            return Page(items=items, next_cursor=None if last is None else str(last))

        if wanted is Format.JSON:
            return page(limit, cursor)
        return respond(wanted, COLUMNS, (batch(COLUMNS, _table_rows(items)) for items in every_page(page)))

    @routes.get("/models/{model}/versions/{version}/performance")
    def get_report(
        model: Model, version: PathVersion, device_id: DeviceId = None, since_ms: Since = None, until_ms: Until = None
    ) -> ReportJson:
        """Show one version's confusion, classes, ROC curves and calibration."""
        chosen = Selection(model=model, version=version, device_id=device_id, since_ms=since_ms, until_ms=until_ms)
        existing.check(chosen)
        return report_of(performance.of_version(chosen).group)

    return routes


def _asking(
    performance: PerformanceService, selection: Selection, by: Grouping, label: str | None
) -> Callable[[int, str | None], tuple[list[Performance], object]]:
    if by == "segment":
        if label is None:
            raise InvalidRequestError("label: name the device label whose values are the segments")
        return lambda _limit, _cursor: (performance.by_segment(selection, label), None)
    if by == "device":
        return lambda limit, cursor: performance.by_device(selection, limit=limit, after=cursor)
    if by == "window":
        return lambda limit, cursor: performance.by_window(selection, limit=limit, after=parse_ordinal(cursor))
    return lambda _limit, _cursor: (performance.by_version(selection), None)


def _json(model: str, found: Performance, limits: Mapping[str, Limits]) -> PerformanceJson:
    group = found.group
    return PerformanceJson(
        model=model,
        **vars(found.place),
        devices=len(group.devices),
        windows=group.windows,
        rows=group.rows,
        labelled=group.labelled,
        interval_rests_on=group.units.unit,
        figures=_figures(group.figures()),
        expected=_expected(found.expectation),
        metrics=_metrics(group, limits),
    )


def _figures(estimates: Mapping[str, Estimate]) -> dict[str, EstimateJson]:
    return {name: EstimateJson(**vars(estimate)) for name, estimate in estimates.items()}


def _expected(expectation: Expectation) -> ExpectationJson:
    meaning = cbpe.REASONS[expectation.reason] if expectation.reason else VALID_WHILE
    return ExpectationJson(figures=_figures(expectation.figures), reason=expectation.reason, meaning=meaning)


def _metrics(group: Group, limits: Mapping[str, Limits]) -> dict[str, MetricJson]:
    found = {name: sums.figures() for name, sums in sorted(group.metrics.items())}
    return {
        name: MetricJson(
            count=figures.count,
            mean=EstimateJson(**vars(figures.mean)),
            minimum=figures.minimum,
            maximum=figures.maximum,
            state=judge(figures, limits.get(name)),
            interval_rests_on=figures.unit,
        )
        for name, figures in found.items()
        if figures is not None
    }


def _table_rows(items: Iterable[PerformanceJson]) -> Iterator[dict[str, Any]]:
    for item in items:
        group = item.model_dump(exclude={"figures", "expected", "metrics"})
        metrics = {name: metric.mean for name, metric in item.metrics.items()}
        for source, figures in (("labels", item.figures), ("scores", item.expected.figures), ("metrics", metrics)):
            for name, figure in figures.items():
                yield group | {"source": source, "figure": name} | figure.model_dump()
