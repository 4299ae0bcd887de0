"""What a summary says."""

from dataclasses import dataclass
from typing import Literal

from fleet_server.retraining.evidence import Figure


@dataclass(frozen=True, kw_only=True)
class Devices:
    """How the devices are."""

    active: int
    online: int
    silent: int
    """Of the active ones, those of which nothing was heard for two days."""
    revoked: int


@dataclass(frozen=True)
class VersionShare:
    """How many devices score with a version."""

    model: str
    version: str
    devices: int


@dataclass(frozen=True)
class VerdictCount:
    """How many devices have a verdict now."""

    kind: str
    verdict: str
    devices: int


@dataclass(frozen=True)
class DriftingStream:
    """A feature or output that drifts."""

    model: str
    name: str
    devices: int
    """On how many devices it drifts against their own past or their peers; against training if on none of these."""


@dataclass(frozen=True, kw_only=True)
class IncidentLine:
    """An incident in short."""

    incident_id: str
    state: Literal["open", "closed"]
    severity: str
    model: str | None
    kind: str
    features: list[str]
    devices: int
    owner: str
    sentence: str
    opened_ms: int


@dataclass(frozen=True)
class AlertDay:
    """How many alerts opened on a day, by severity."""

    day: str
    """ISO date, UTC."""
    information: int
    warning: int
    critical: int


@dataclass(frozen=True)
class LiveRequest:
    """A request to train a model anew."""

    request_id: str
    model: str
    state: str
    reason: str
    opened_ms: int


@dataclass(frozen=True, kw_only=True)
class Summary:
    """A model or a fleet over some days."""

    model: str | None
    """``None``: the whole fleet."""
    since_ms: int
    until_ms: int
    devices: Devices
    versions: list[VersionShare]
    verdicts: list[VerdictCount]
    streams: list[DriftingStream]
    """The ten on most devices."""
    incidents: list[IncidentLine]
    """Open ones, and those that opened within the time: the newest fifty."""
    alerts: list[AlertDay]
    """Each day of the time, also those without."""
    performance: list[Figure]
    retraining: list[LiveRequest]
