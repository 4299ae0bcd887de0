"""A verdict in plain words: what is, what it most likely means, and what to do.

What a drift of a device most likely is tells ``detectors.diagnosis``. Of the whole fleet it
is the world that has changed, or, if only outputs moved, the model.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from detectors import Diagnosis
from fleet_server.drift.verdict import REGROUPED, SILENT, Kind, Verdict

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
_LOOK: Final = (
    "Look whether it is online (leeway-fleet devices show {subject}), "
    "and what was wrong with its windows (leeway-fleet devices refusals {subject})."
)
ANOTHER_GROUP: Final = "another_group"
"""The cause of a verdict that was taken back: what it was about is no more."""
_SHIFTED: Final = frozenset({"offset", "gain", "regime", "model"})
"""Causes of which a moved mean is a sign."""


@dataclass(frozen=True)
class Wording:
    """A verdict in words.

    Attributes:
        cause: What it most likely is, as a stable word; empty where nothing drifts.
        sentence: What is, and what it most likely means.
        advice: What to do; empty where nothing is.
    """

    cause: str
    sentence: str
    advice: str


def word(kind: Kind, subject: str, verdict: Verdict, since_ms: int, units: Mapping[str, str]) -> Wording:
    """Say what a verdict means.

    Args:
        kind: What was compared.
        subject: The device, or the group of devices.
        verdict: The verdict.
        since_ms: Start of the window with which it began.
        units: Of the streams that have one.
    """
    if verdict.word == "stable":
        return Wording("", _STABLE[kind].format(subject=subject), "")
    if verdict.word != "drift":
        reason = verdict.reason or "nothing was sent"
        advice = _LOOK.format(subject=subject) if reason == SILENT else ""
        cause = ANOTHER_GROUP if reason == REGROUPED else ""
        return Wording(
            cause,
            f"{subject} cannot be compared with {_AGAINST[kind]}: {reason}.",
            advice,
        )
    cause, likely, advice = _meaning(kind, verdict.diagnosis)
    day = datetime.fromtimestamp(since_ms / 1000, UTC).date()
    moved = _moved(verdict, cause, units)
    sentence = f"{_streams(verdict)} of {subject} left {_AGAINST[kind]} on {day}{moved}. Most likely {likely}."
    return Wording(cause, sentence, advice)


def _meaning(kind: Kind, diagnosis: Diagnosis | None) -> tuple[str, str, str]:
    if kind == "fleet" or diagnosis is None:
        likely = "the world has changed for all devices: season, weather, or how they are used"
        return "world", likely, "Nothing is broken. Ask whether the model still fits, and consider training anew."
    return diagnosis.cause, diagnosis.what, f"{diagnosis.action[:1].upper()}{diagnosis.action[1:]}."


def _streams(verdict: Verdict) -> str:
    if not verdict.streams:
        return "What features have in common"
    first, *others = verdict.streams
    return f"{first} and {len(others)} more" if others else first


def _moved(verdict: Verdict, cause: str, units: Mapping[str, str]) -> str:
    if verdict.shift is None or cause not in _SHIFTED:
        return ""
    unit = units.get(verdict.streams[0], "")
    direction = "above" if verdict.shift >= 0.0 else "below"
    return f", now {abs(verdict.shift):.3g}{' ' if unit else ''}{unit} {direction} it"
