"""Which alerts have one cause, and so make one incident (pure).

* The same rule, model and deployment, and a drifting feature that all members share, or
  no feature at all, opened within the rule's ``together_s`` of the last member.
* A verdict on the fleet takes in what devices tell of the same model and features.

What members share only shrinks: were it to grow by each member's features, a chain of
neighbours would end as one incident about everything.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from fleet_server.alerts.language import SEVERITIES

FLEET = "fleet"
DEVICE_KINDS = frozenset({"training", "own", "peers"})


@dataclass(frozen=True)
class Cause:
    """What tells alerts of one cause from others."""

    rule: str
    kind: str
    model: str | None
    deployment_id: str | None
    features: Sequence[str]


def belongs(cause: Cause, incident: Cause, idle_ms: int, together_s: int) -> bool:
    """Tell whether an alert belongs to an open incident.

    Args:
        cause: That of the alert.
        incident: That of the incident, with the features that its members share.
        idle_ms: Time since the incident's last member opened.
        together_s: The rule's.
    """
    if idle_ms > 1000 * together_s or cause.model != incident.model:
        return False
    if incident.kind == FLEET and cause.kind in DEVICE_KINDS:
        return bool(shared(cause.features, incident.features))
    if (cause.rule, cause.deployment_id) != (incident.rule, incident.deployment_id):
        return False
    return bool(shared(cause.features, incident.features)) or not (cause.features or incident.features)


def absorbs(fleet: Cause, incident: Cause, idle_ms: int, together_s: int) -> bool:
    """Tell whether an open incident turns out to be part of a movement of the whole fleet."""
    return fleet.kind == FLEET and incident.kind in DEVICE_KINDS and belongs(incident, fleet, idle_ms, together_s)


def shared(features: Sequence[str], others: Sequence[str]) -> list[str]:
    """Return the features that both name, in the order of the first."""
    return [name for name in features if name in others]


def worst(severities: Iterable[str]) -> str:
    """Return the most severe; ``information`` of none."""
    words: Sequence[str] = SEVERITIES
    return max(severities, key=words.index, default=words[0])


def summary(cause: Cause, devices: int, first: str) -> str:
    """Say in a sentence what an incident is about.

    Args:
        cause: That of the incident.
        devices: How many devices its open alerts are of.
        first: The sentence of its first alert.
    """
    if devices <= 1 or cause.kind == FLEET:
        return first
    streams = f" in {', '.join(cause.features)}" if cause.features else ""
    about = f" of model {cause.model}" if cause.model else ""
    return f"{devices} devices{about}: {cause.rule}{streams}. The first: {first}"
