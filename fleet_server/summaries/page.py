"""A summary as HTML: one page that needs nothing from elsewhere, and as text for an e-mail."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from fleet_server.alerts.language import SEVERITIES
from fleet_server.summaries.facts import AlertDay, IncidentLine, Summary
from fleet_server.summaries.sections import MOMENTS, moment, sections

CHART_WIDTH: Final = 640
CHART_HEIGHT: Final = 120
_GAP: Final = 2


@dataclass(frozen=True)
class Bar:
    """A part of a stacked bar, in the chart's pixels."""

    x: float
    y: float
    width: float
    height: float
    severity: str
    title: str


def html(summary: Summary) -> str:
    """Write a summary as a page; whatever devices and people have named is escaped."""
    return _template().render(
        summary=summary,
        sections=sections(summary),
        bars=bars(summary.alerts),
        most=max(map(_total, summary.alerts), default=0),
        severities=SEVERITIES,
        moments=MOMENTS,
        open_incidents=len(_open(summary)),
        width=CHART_WIDTH,
        height=CHART_HEIGHT,
    )


def text(summary: Summary) -> str:
    """Write the head of a summary for an e-mail."""
    devices, incidents = summary.devices, _open(summary)
    lines = [
        f"{summary.model or 'The fleet'}, {moment(summary.since_ms)} to {moment(summary.until_ms)} UTC",
        "",
        f"{devices.active} active devices, {devices.online} online, {devices.silent} silent for two days",
        f"{sum(map(_total, summary.alerts))} alerts have opened, {len(incidents)} incidents are open",
        *(f"- [{incident.severity}] {incident.sentence}" for incident in incidents),
        "",
        "The page is attached.",
        "",
    ]
    return "\n".join(lines)


def bars(days: Sequence[AlertDay]) -> Sequence[Bar]:
    """Lay out the alerts of each day as stacked bars, the most severe at the bottom."""
    most = max(map(_total, days), default=0)
    return [bar for number, day in enumerate(days) for bar in _stack(day, most, number, CHART_WIDTH / len(days))]


def _stack(day: AlertDay, most: int, number: int, width: float) -> Sequence[Bar]:
    y, found = float(CHART_HEIGHT), []
    for severity in reversed(SEVERITIES):
        count = getattr(day, severity)
        if count:
            height = CHART_HEIGHT * count / most
            y -= height
            title = f"{day.day}: {count} {severity}"
            found.append(Bar(number * width, y, max(width - _GAP, 1), height, severity, title))
    return found


@cache
def _template() -> Template:
    loader = PackageLoader("fleet_server.summaries", ".")
    environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined)
    environment.filters["moment"] = moment
    return environment.get_template("summary.html")


def _open(summary: Summary) -> Sequence[IncidentLine]:
    return [incident for incident in summary.incidents if incident.state == "open"]


def _total(day: AlertDay) -> int:
    return day.information + day.warning + day.critical
