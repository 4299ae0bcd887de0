"""The tables of a summary's page."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from fleet_server.alerts.language import SEVERITIES
from fleet_server.summaries.facts import Summary

MOMENTS: Final = ("day", "opened", "since")
"""Columns of times."""
_AGAINST: Final = {
    "training": "training",
    "own": "its own past",
    "peers": "its peers",
    "fleet": "the common past of a whole fleet or group",
}
_VERDICTS: Final = ("drift", "stable", "learning", "no_data")


@dataclass(frozen=True)
class Section:
    """A table with its title, or what is said where it has no row."""

    title: str
    nothing: str
    heads: Sequence[str]
    rows: Sequence[Sequence[object]]


def sections(summary: Summary) -> Sequence[Section]:
    """Lay a summary out as tables, the most pressing first."""
    return (*_happenings(summary), *_state(summary))


def moment(time_ms: int) -> str:
    """Write a time for people, UTC."""
    return dt.datetime.fromtimestamp(time_ms / 1000, dt.UTC).strftime("%Y-%m-%d %H:%M")


def _happenings(summary: Summary) -> Sequence[Section]:
    incidents = [
        (
            each.state,
            each.severity,
            each.model or "",
            each.kind,
            ", ".join(each.features),
            each.devices,
            each.owner,
            each.sentence,
            moment(each.opened_ms),
        )
        for each in summary.incidents
    ]
    requests = [(each.model, each.state, each.reason, moment(each.opened_ms)) for each in summary.retraining]
    return (
        Section(
            "Incidents",
            "None is open, and none has opened.",
            ("state", "severity", "model", "kind", "features", "devices", "owner", "what", "opened"),
            incidents,
        ),
        Section("Asked to be trained anew", "No model.", ("model", "state", "why", "since"), requests),
    )


def _state(summary: Summary) -> Sequence[Section]:
    streams = [(each.model, each.name, each.devices) for each in summary.streams]
    counts = {(each.kind, each.verdict): each.devices for each in summary.verdicts}
    verdicts = [
        (against, *(counts.get((kind, verdict), 0) for verdict in _VERDICTS))
        for kind, against in _AGAINST.items()
        if any(told == kind for told, _ in counts)
    ]
    figures = [
        (
            each.version,
            f"{each.name}, estimated" if each.is_estimate else each.name,
            f"{each.value:.4g}",
            f"{each.low:.4g} to {each.high:.4g}",
        )
        for each in summary.performance
    ]
    days = [
        (day.day, day.information, day.warning, day.critical)
        for day in summary.alerts
        if day.information + day.warning + day.critical
    ]
    versions = [(each.model, each.version, each.devices) for each in summary.versions]
    return (
        Section("What drifts on most devices", "Nothing drifts.", ("model", "stream", "devices"), streams),
        Section(
            "Verdicts now",
            "Nothing has been judged yet.",
            ("against", "drift", "stable", "learning", "no data"),
            verdicts,
        ),
        Section(
            "Performance",
            "No labels were told, and nothing could be estimated.",
            ("version", "figure", "value", "interval"),
            figures,
        ),
        Section(
            "Versions on the devices", "No device has told its version.", ("model", "version", "devices"), versions
        ),
        Section("Alerts by day", "None has opened.", ("day", *SEVERITIES), days),
    )
