"""What a drift most likely is: from which charts alarm, and in which direction.

==================  ==================================================================
cause               charts of one feature, or of several
==================  ==================================================================
missing             ``missing``
stuck               ``repeats``; or hardly any spread is left
implausible         ``out_of_range``
gain                ``location`` and ``scale`` together
offset              ``location`` alone
noise               ``scale`` alone, more
damped              ``scale`` alone, less
outliers            ``low_tail`` or ``high_tail`` alone
distribution        ``shape`` alone
relation            ``relations``, ``q`` or ``t2``, and no feature by itself
regime              several features
model               outputs, and no feature
attribution         ``attribution`` alone
==================  ==================================================================
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from detectors.charts import ALL_FEATURES
from detectors.judgement import Judgement

Cause = Literal[
    "missing",
    "stuck",
    "implausible",
    "gain",
    "offset",
    "noise",
    "damped",
    "outliers",
    "distribution",
    "relation",
    "regime",
    "model",
    "attribution",
]
SEVERAL: Final = 3
"""Features that drift together because of what they measure, not because of a sensor."""
_HARDLY: Final = -0.9
"""Cube root of the variance ratio, less 1: a thousandth of the variance is left."""
WHAT: Final[dict[Cause, str]] = {
    "missing": "its values are missing",
    "stuck": "it repeats one value: the sensor or its wire is stuck",
    "implausible": "it reads what the schema calls impossible",
    "gain": "it reads higher or lower and spreads otherwise: its gain, unit or range has changed",
    "offset": "it reads too high or too low by a constant: an offset of this sensor",
    "noise": "it is noisier: a loose contact, or a disturbance",
    "damped": "it moves less: it is covered, clogged or filtered",
    "outliers": "extreme values are more or less frequent",
    "distribution": "its values are spread otherwise, about the same middle",
    "relation": "features that moved together no longer do, though each looks as usual",
    "regime": "several features have changed together: the device works otherwise, or stands elsewhere",
    "model": "its inputs are as usual and its outputs are not: the model or its artifact",
    "attribution": "its scores come from other features than in training",
}
DO: Final[dict[Cause, str]] = {
    "missing": "check the source of this feature",
    "stuck": "check or replace the sensor",
    "implausible": "check the sensor and the unit that it is read in",
    "gain": "calibrate the sensor; check the unit that it is read in",
    "offset": "calibrate the sensor, or correct its offset",
    "noise": "check the sensor's connection",
    "damped": "clean or check the sensor",
    "outliers": "look at raw rows of this device",
    "distribution": "look at raw rows of this device",
    "relation": "compare the two sensors on the device",
    "regime": "look at the device itself; if it is right, train with data of its kind",
    "model": "check the model's version and artifact on this device",
    "attribution": "look at explained rows; consider training anew",
}


@dataclass(frozen=True)
class Finding:
    """One alarmed chart of one device."""

    stream: str
    """``ALL_FEATURES`` where it tells of all together."""
    channel: str
    ratio: float
    """Towards the level, with its sign; 1 is at the level."""
    difference: float
    """This window's, in the chart's unit; NaN without one."""
    is_output: bool
    pair: tuple[str, str] | None = None
    """Of a relation, the two features that it is between."""


@dataclass(frozen=True)
class Diagnosis:
    """The most likely cause of what was found."""

    cause: Cause
    streams: tuple[str, ...]
    """The streams that drift, the most severe first; of a relation the two that it is between."""

    @property
    def what(self) -> str:
        """What it most likely is, as part of a sentence."""
        return WHAT[self.cause]

    @property
    def action(self) -> str:
        """What to do about it."""
        return DO[self.cause]


def findings(judgement: Judgement, device: int, kind: int) -> tuple[Finding, ...]:
    """Return the alarmed charts of a device, the most severe first.

    Args:
        judgement: Of a window.
        device: Its place in the judgement.
        kind: ``state.TRAINING``, ``OWN`` or ``PEERS``.
    """
    charts, ratios = judgement.charts, judgement.ratios[device, kind]
    alarmed = np.flatnonzero(judgement.alarmed[device, kind])
    ranked = alarmed[np.argsort(-np.abs(ratios[alarmed]), kind="stable")]
    return tuple(
        Finding(
            stream=charts.streams[charts.stream[chart]],
            channel=str(charts.channel[chart]),
            ratio=float(ratios[chart]),
            difference=float(judgement.differences[device, chart]),
            is_output=bool(charts.output[chart]),
            pair=_pair_of(judgement, device) if charts.channel[chart] == "relations" else None,
        )
        for chart in ranked
    )


def _pair_of(judgement: Judgement, device: int) -> tuple[str, str] | None:
    if judgement.pair is None:
        return None
    first, second = judgement.pair[device]
    return judgement.charts.streams[first], judgement.charts.streams[second]


def diagnose(found: Sequence[Finding]) -> Diagnosis | None:
    """Return the most likely cause; None if nothing was found.

    Args:
        found: What ``findings`` gave.
    """
    if not found:
        return None
    features = dict.fromkeys(one.stream for one in found if not one.is_output and one.stream != ALL_FEATURES)
    outputs = dict.fromkeys(one.stream for one in found if one.is_output and one.stream != ALL_FEATURES)
    streams = (*features, *outputs)
    if len(features) >= SEVERAL and not _same_loss(found):
        return Diagnosis("regime", streams)
    if features:
        leading = next(iter(features))
        return Diagnosis(_of_feature([one for one in found if one.stream == leading]), streams)
    if outputs:
        return Diagnosis("model", streams)
    if all(one.channel == "attribution" for one in found):
        return Diagnosis("attribution", streams)
    return Diagnosis("relation", next((one.pair for one in found if one.pair is not None), ()))


def _same_loss(found: Sequence[Finding]) -> bool:
    """Tell whether the features drift because they are lost or stuck together."""
    return found[0].channel in {"missing", "repeats"}


def _of_feature(found: Sequence[Finding]) -> Cause:
    by_channel = {one.channel: one for one in found}
    scale = by_channel.get("scale")
    for channel, cause in _GROSS:
        if channel in by_channel:
            return cause
    if scale is not None:
        if scale.difference < _HARDLY:
            return "stuck"
        return "gain" if "location" in by_channel else "noise" if scale.ratio > 0.0 else "damped"
    return "offset" if "location" in by_channel else "distribution" if "shape" in by_channel else "outliers"


_GROSS: Final[tuple[tuple[str, Cause], ...]] = (
    ("missing", "missing"),
    ("repeats", "stuck"),
    ("out_of_range", "implausible"),
)
