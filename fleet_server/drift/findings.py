"""Verdicts out of a judgement's arrays."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple, cast

import numpy as np

from detectors import Judgement, diagnose, findings
from detectors.arrays import Bools, Floats
from detectors.charts import ALL_FEATURES
from fleet_server.drift.judging import HalfJudgement
from fleet_server.drift.verdict import DEVICE_KINDS, DriftingStream, Verdict, VerdictWord, drifting


class Row(NamedTuple):
    """Where a device, or a group of devices, stands in what was found in one half of a window."""

    found: HalfJudgement
    place: int

    @property
    def judgement(self) -> Judgement:
        """The verdicts."""
        return self.found.judgement

    def shifts(self, kind: int) -> dict[str, float]:
        """Return how far each stream's mean has moved, in its own unit, where the comparison tells."""
        reference, window = self.found.half.reference, self.found.window
        if DEVICE_KINDS[kind] == "training":
            moved = window.mean[self.place] - reference.mean
        elif DEVICE_KINDS[kind] == "own":
            at_location = self.judgement.charts.channel == "location"
            moved = self.judgement.differences[self.place, at_location] * reference.deviation
        else:
            return {}
        return {name: float(value) for name, value in zip(reference.names, moved, strict=True) if np.isfinite(value)}


def device_verdict(rows: Sequence[Row], kind: int) -> Verdict:
    """Return what one comparison says of a device.

    Args:
        rows: Of each half; the features first, where there are any.
        kind: The comparison, as its place among the detectors' kinds.
    """
    words = [str(row.judgement.words[row.place, kind]) for row in rows]
    severity = max(float(row.judgement.severity[row.place, kind]) for row in rows)
    if "drift" not in words:
        # whether there is enough to tell is decided by the features: a new model's outputs are always new
        reason = str(rows[0].judgement.reasons[rows[0].place, kind])
        return Verdict(cast("VerdictWord", words[0]), reason, severity=severity)
    streams = [stream for row in rows for stream in _device_streams(row, kind)]
    told = [finding for row in rows for finding in findings(row.judgement, row.place, kind)]
    return _drift(streams, severity, told)


def fleet_verdict(rows: Sequence[Row]) -> Verdict:
    """Return what is said of a whole group of devices.

    Args:
        rows: Of each reference; first the features that most of the devices share.
    """
    words = [str(row.judgement.fleet_words[row.place]) for row in rows]
    severity = max(float(row.judgement.fleet_severity[row.place]) for row in rows)
    if "drift" not in words:
        reason = str(rows[0].judgement.fleet_reasons[rows[0].place])
        return Verdict(cast("VerdictWord", words[0]), reason, severity=severity)
    return _drift([stream for row in rows for stream in _fleet_streams(row)], severity, [])


def _drift(streams: Sequence[DriftingStream], severity: float, told: Sequence[Any]) -> Verdict:
    named = [stream for stream in streams if stream.name != ALL_FEATURES]
    together = [stream for stream in streams if stream.name == ALL_FEATURES]
    return drifting(named, together, severity, diagnose(told))


def _device_streams(row: Row, kind: int) -> Iterator[DriftingStream]:
    judgement, place, shifts = row.judgement, row.place, row.shifts(kind)
    ratios, alarmed = judgement.ratios[place, kind], judgement.alarmed[place, kind]
    for stream in _by_stream(judgement, ratios, alarmed, {"difference": judgement.differences[place]}):
        yield replace(stream, shift=shifts.get(stream.name))


def _fleet_streams(row: Row) -> Iterator[DriftingStream]:
    judgement, place = row.judgement, row.place
    figures = {"movement": judgement.movement[place], "share_of_devices": judgement.moving[place]}
    return _by_stream(judgement, judgement.fleet_ratios[place], judgement.fleet_alarmed[place], figures)


def _by_stream(
    judgement: Judgement, ratios: Floats, alarmed: Bools, figures: Mapping[str, Floats]
) -> Iterator[DriftingStream]:
    charts = judgement.charts
    for stream in np.unique(charts.stream[alarmed]):
        columns = np.flatnonzero(charts.stream == stream)
        yield DriftingStream(
            name=charts.streams[stream],
            role="output" if charts.output[columns[alarmed[columns]]].any() else "feature",
            severity=float(np.abs(ratios[columns]).max()),
            evidence={
                str(charts.channel[column]): _chart(column, ratios, alarmed, figures) for column in columns.tolist()
            },
        )


def _chart(column: int, ratios: Floats, alarmed: Bools, figures: Mapping[str, Floats]) -> dict[str, Any]:
    told = {name: round(float(values[column]), 4) for name, values in figures.items() if np.isfinite(values[column])}
    return {"severity": round(float(ratios[column]), 3), "drifts": bool(alarmed[column]), **told}
