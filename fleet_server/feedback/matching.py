"""Which window a label belongs to, and what it lacks until it can be counted; pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

from fleet_server.feedback.labels import RefusedError, Truth, read_outputs
from fleet_server.feedback.reasons import WaitReason
from fleet_server.feedback.target import Target


class Window(NamedTuple):
    """A window of a device and version: [start, end) in event time, Unix milliseconds."""

    start_ms: int
    end_ms: int


@dataclass(frozen=True)
class SampledPrediction:
    """What a model gave for a row that its device sampled."""

    row: int
    time_ms: int
    outputs: tuple[float, ...]


@dataclass(frozen=True)
class Match:
    """A label, completed, and its place.

    Args:
        truth: With what was found of its time and prediction.
        window: That it belongs to; None if it cannot be counted yet.
        reason: Why not; empty if it can.
    """

    truth: Truth
    window: Window | None
    reason: WaitReason | Literal[""]


def inherit(truth: Truth, before: Truth) -> Truth:
    """Complete a label from what was known of its row: a correction need not repeat the prediction."""
    known = (
        truth if truth.prediction is not None else replace(truth, prediction=before.prediction, outputs=before.outputs)
    )
    return known if known.time_ms is not None else replace(known, time_ms=before.time_ms)


def complete(truth: Truth, target: Target, sampled: Iterable[SampledPrediction]) -> Truth:
    """Complete a label from the rows that its device sampled."""
    for row in sampled:
        if row.row == truth.row or (truth.row is None and row.time_ms == truth.time_ms):
            time_ms = truth.time_ms if truth.time_ms is not None else row.time_ms
            return replace(_with_outputs(truth, target, row.outputs), time_ms=time_ms)
    return truth


def match(truth: Truth, windows: Sequence[Window], rows_scored: int | None, forgotten_ms: int = 0) -> Match:
    """Find a label's window.

    Args:
        truth: The label, as complete as it can be.
        windows: Those of its device and version that are known.
        rows_scored: How many rows its device has scored, as far as is known; None if the
            device itself gave the label.
        forgotten_ms: Windows that ended by then are forgotten.
    """
    at_ms = -1 if truth.time_ms is None else truth.time_ms
    covering = [window for window in windows if window.start_ms <= at_ms < window.end_ms]
    if not covering:
        if truth.row is not None and rows_scored is not None and truth.row > rows_scored:
            return Match(truth, None, "row_never_scored")
        if truth.time_ms is None:
            return Match(truth, None, "no_time")
        return Match(truth, None, "window_forgotten" if truth.time_ms < forgotten_ms else "no_window")
    if truth.prediction is None:
        return Match(truth, None, "no_prediction")
    # where a full outbox merged windows and others overlap it, the narrower one knows better
    return Match(truth, min(covering, key=lambda window: (window.end_ms - window.start_ms, window)), "")


def _with_outputs(truth: Truth, target: Target, outputs: tuple[float, ...]) -> Truth:
    if truth.prediction is not None:
        return truth
    try:
        prediction, probabilities = read_outputs(outputs, target)
    except RefusedError:  # the model gave no number for this row: nothing to compare
        return truth
    return replace(truth, prediction=prediction, outputs=probabilities)
