"""A verdict in plain words: what is, what it most likely means, and what to do."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from fleet_server.drift.causes import Cause
from fleet_server.drift.verdict import Kind, Verdict

_STABLE: Final[Mapping[Kind, str]] = {
    "training": "What {subject} sees agrees with training.",
    "own": "{subject} is as it was, apart from what it has in common with its peers.",
    "peers": "{subject} stands among its peers.",
    "fleet": "{subject} does not move together.",
}
_AGAINST: Final[Mapping[Kind, str]] = {
    "training": "training",
    "own": "its own past",
    "peers": "its peers",
    "fleet": "what the devices had in common",
}
_LIKELY: Final[Mapping[Cause, str]] = {
    "missing": "values are missing: a loose connection, a dead sensor or a driver is likely",
    "stuck": "the sensor repeats its values: it is stuck, or what reads it has stopped",
    "implausible": "values are beyond what the schema calls plausible: a wrong unit or a broken sensor is likely",
    "spikes": "single values are wild: interference or a loose connection is likely",
    "gain": "the spread changed: noise, damping or a wrong gain of this one sensor is likely",
    "offset": "an offset of this one sensor is likely: its calibration, or its mounting",
    "several_sensors": "several of its sensors have moved at once: the device, its place or its clock is likely",
    "model": "its inputs agree, so the model is likely: its version, its artifact, or its runtime",
    "changed_world": "all devices moved together: the world has changed, by season, weather or use",
    "unlike_training": "this is not what the model was trained on",
}
_ADVICE: Final[Mapping[Cause, str]] = {
    "missing": "Check the cable and the driver of the sensor.",
    "stuck": "Restart or replace the sensor, and see that its reader runs.",
    "implausible": "Check the unit that the source gives, then the sensor.",
    "spikes": "Check the sensor's cable and shielding.",
    "gain": "Compare the sensor with another one, and check its gain.",
    "offset": "Compare the sensor with another one and calibrate it, or replace it.",
    "several_sensors": "Look at the device: whether it stands still, was moved, or has a wrong clock.",
    "model": "Compare its version with its peers', and roll it back if it is alone with it.",
    "changed_world": "Nothing is broken. Ask whether the model still fits, and consider retraining.",
    "unlike_training": "Read it with the other verdicts: alone it asks for retraining, not for repair.",
}
_SHIFTED: Final = frozenset({"offset", "model", "several_sensors", "unlike_training"})
"""Causes of which a moved mean is the sign."""


@dataclass(frozen=True)
class Wording:
    """A verdict in words.

    Attributes:
        sentence: What is, and what it most likely means.
        advice: What to do; empty where nothing is.
    """

    sentence: str
    advice: str = ""


def word(  # noqa: PLR0913, PLR0917  (a sentence has as many parts)
    kind: Kind, subject: str, verdict: Verdict, cause: Cause, since_ms: int, units: Mapping[str, str]
) -> Wording:
    """Say what a verdict means.

    Args:
        kind: What was compared.
        subject: The device, or the group of devices.
        verdict: The verdict.
        cause: What it most likely is.
        since_ms: Start of the window with which it began.
        units: Of the streams that have one.
    """
    if verdict.word == "stable":
        return Wording(_STABLE[kind].format(subject=subject))
    if verdict.word != "drift":
        return Wording(f"{subject} cannot be compared with {_AGAINST[kind]}: {verdict.reason or 'nothing was sent'}.")
    day = datetime.fromtimestamp(since_ms / 1000, UTC).date()
    moved = _moved(verdict, cause, units)
    return Wording(
        f"{_streams(verdict)} of {subject} left {_AGAINST[kind]} on {day}{moved}: {_LIKELY[cause]}.", _ADVICE[cause]
    )


def _moved(verdict: Verdict, cause: Cause, units: Mapping[str, str]) -> str:
    if verdict.shift is None or cause not in _SHIFTED:
        return ""
    unit = units.get(verdict.streams[0], "")
    direction = "above" if verdict.shift >= 0.0 else "below"
    return f", now {abs(verdict.shift):.3g}{' ' if unit else ''}{unit} {direction} it"


def _streams(verdict: Verdict) -> str:
    first, *others = verdict.streams
    return f"{first} and {len(others)} more" if others else first
