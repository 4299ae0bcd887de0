"""What a drifting verdict most likely is: told from which streams moved, and in which channels.

===================  =========================================================================
cause                is likely when
===================  =========================================================================
``missing``          all that drifts misses values more often
``stuck``            all that drifts repeats its values
``implausible``      all that drifts lies beyond the schema's range
``spikes``           the tails of one sensor are fuller: single wild values
``gain``             its spread changed more than its middle: amplification, or noise
``offset``           its middle moved: calibration, mounting, a drifting sensor
``several_sensors``  several sensors moved at once: the device itself, its place or its clock
``model``            outputs moved and no input did: another model, or a broken artifact
``changed_world``    the whole fleet moved together: season, weather, a new way of working
``unlike_training``  the device differs from training but is as it always was
===================  =========================================================================
"""

from collections.abc import Mapping
from typing import Any, Final, Literal

from fleet_server.drift.verdict import Kind, Verdict

Cause = Literal[
    "",
    "missing",
    "stuck",
    "implausible",
    "spikes",
    "gain",
    "offset",
    "several_sensors",
    "model",
    "changed_world",
    "unlike_training",
]
_BY_CHANNEL: Final[Mapping[str, Cause]] = {
    "missing": "missing",
    "repeats": "stuck",
    "out_of_range": "implausible",
    "low_tail": "spikes",
    "high_tail": "spikes",
    "scale": "gain",
    "location": "offset",
}
_PLAIN: Final[frozenset[Cause]] = frozenset({"missing", "stuck", "implausible"})
"""Causes that are plain to see, whatever the window is compared with and however many streams have them."""
_TELLING: Final = ("missing", "repeats", "out_of_range")
"""Channels that name a fault by themselves: a stuck sensor has no spread either."""


def cause_of(kind: Kind, verdict: Verdict) -> Cause:
    """Return what a verdict most likely is; empty for one that does not drift.

    Args:
        kind: What was compared.
        verdict: What was found.
    """
    if verdict.word != "drift":
        return ""
    if not verdict.features:
        return "unlike_training" if kind == "training" else "model"
    faults = {_sensor_fault(verdict.evidence[feature]) for feature in verdict.features}
    if len(faults) == 1 and faults <= _PLAIN:
        return faults.pop()
    if kind == "fleet":
        return "changed_world"
    if kind == "training":
        return "unlike_training"
    return "several_sensors" if len(verdict.features) > 1 else faults.pop()


def _sensor_fault(channels: Mapping[str, Any]) -> Cause:
    alarmed = {name: abs(chart["severity"]) for name, chart in channels.items() if chart["drifts"]}
    telling = {name: alarmed[name] for name in _TELLING if name in alarmed}
    leading = max(telling or alarmed, key=lambda name: alarmed[name])
    return _BY_CHANNEL.get(leading, "offset")
