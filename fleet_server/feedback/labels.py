"""Reading one label as somebody gave it, against what the model predicts.

A label comes as a mapping, whatever it came by: text from a CSV, numbers from JSON, Parquet
or a device. What is wrong with it is told by one stable word, and concerns no other label.
"""

import math
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from fleet_server.feedback.reasons import RefusalReason
from fleet_server.feedback.target import Target, probabilities_of

FIELDS: Final = ("device_id", "version", "row", "time_ms", "label", "prediction", "outputs", "weight")
"""What a label may have; the rest is ignored."""
MAX_AHEAD_MS: Final = 24 * 3_600_000
"""As of windows: a later time comes from a clock that is wrong, or is no Unix time."""
MIN_WEIGHT: Final = 1e-100
"""The square of a smaller one, in the sums, would be none."""
MAX_WEIGHT: Final = 1e6
MAX_NUMBER: Final = 1e60
"""The fourth power of a larger one, in the sums, would leave float64."""
_MAX_NATURAL: Final = 2**53
_TEXT: Final = 128


@dataclass(frozen=True)
class Truth:
    """A sound label.

    Args:
        row: The row's number on its device, or None.
        time_ms: The row's event time, or None; one of the two is there.
        label: The class's place, or the number.
        prediction: The same of what the model said, or None if it is not known.
        outputs: float64 probabilities of all classes; empty if unknown.
        weight: Above 0.
    """

    row: int | None
    time_ms: int | None
    label: float
    prediction: float | None
    outputs: bytes
    weight: float

    @property
    def key(self) -> str:
        """What names the row on its device: its number, else its time."""
        return key_of(self.row, self.time_ms)


def key_of(row: int | None, time_ms: int | None) -> str:
    """Return what names a row on its device."""
    return f"r{row}" if row is not None else f"t{time_ms}"


class RefusedError(Exception):
    """A label cannot be used.

    Args:
        reason: A key of ``reasons.MEANINGS``.
        detail: What was found.
    """

    def __init__(self, reason: RefusalReason, detail: object = "") -> None:
        super().__init__(reason)
        self.reason: RefusalReason = reason
        shown = detail[:_TEXT] if isinstance(detail, str) else detail
        self.detail = repr(shown)[:_TEXT] if detail != "" else ""


def read_label(given: Mapping[str, object], target: Target, now_ms: int) -> Truth:
    """Read a label.

    Args:
        given: Some of ``FIELDS``; an empty text or None is as good as nothing.
        target: What the model predicts.
        now_ms: The present, Unix milliseconds.

    Raises:
        RefusedError: It cannot be used.
    """
    if not target.is_classification and target.n_outputs > 1:
        raise RefusedError("several_outputs", target.n_outputs)
    row, time_ms = read_key(given, now_ms)
    held = _held(given)
    prediction, outputs = _prediction(held, target)
    return Truth(row, time_ms, _label(held, target), prediction, outputs, _weight(held))


def read_key(given: Mapping[str, object], now_ms: int) -> tuple[int | None, int | None]:
    """Read which row a label is the truth of: the row's number, its event time, or both.

    Raises:
        RefusedError: It has neither, or one that is none.
    """
    held = _held(given)
    row, time_ms = _row(held), _time(held, now_ms)
    if row is None and time_ms is None:
        raise RefusedError("no_key")
    return row, time_ms


def read_outputs(outputs: Sequence[float], target: Target) -> tuple[float, bytes]:
    """Read what the model gave for a row: the prediction, and the probabilities if they are such.

    Raises:
        RefusedError: The outputs are not the model's, or not numbers.
    """
    if len(outputs) != target.n_outputs or not all(abs(output) <= MAX_NUMBER for output in outputs):
        raise RefusedError("bad_prediction", list(outputs[:4]))
    if not target.is_classification:
        return outputs[0], b""
    best = max(range(len(outputs)), key=outputs.__getitem__)
    return float(best), array("d", outputs).tobytes() if probabilities_of(outputs) else b""


def _held(given: Mapping[str, object]) -> Mapping[str, object]:
    return {name: value for name, value in given.items() if value is not None and value != ""}


def _row(held: Mapping[str, object]) -> int | None:
    if "row" not in held:
        return None
    number = _whole_number(held["row"])
    if number is None or number == 0:
        raise RefusedError("bad_row", held["row"])
    return number


def _time(held: Mapping[str, object], now_ms: int) -> int | None:
    if "time_ms" not in held:
        return None
    time_ms = _whole_number(held["time_ms"])
    if time_ms is None:
        raise RefusedError("bad_time", held["time_ms"])
    if time_ms > now_ms + MAX_AHEAD_MS:
        raise RefusedError("future_time", time_ms)
    return time_ms


def _label(held: Mapping[str, object], target: Target) -> float:
    if "label" not in held:
        raise RefusedError("no_label")
    label = held["label"]
    if target.is_classification:
        place = _class(label, target)
        if place is None:
            raise RefusedError("unknown_class", label)
        return float(place)
    number = _number(label)
    if number is None or isinstance(label, bool):
        raise RefusedError("bad_label", label)
    return number


def _prediction(held: Mapping[str, object], target: Target) -> tuple[float | None, bytes]:
    if "outputs" in held:
        return read_outputs(_numbers(held["outputs"]), target)
    if "prediction" not in held:
        return None, b""
    predicted = held["prediction"]
    found = _class(predicted, target) if target.is_classification else _number(predicted)
    if found is None:
        raise RefusedError("bad_prediction", predicted)
    return float(found), b""


def _weight(held: Mapping[str, object]) -> float:
    weight = _number(held.get("weight", 1.0))
    if weight is None or not MIN_WEIGHT <= weight <= MAX_WEIGHT:
        raise RefusedError("bad_weight", held.get("weight"))
    return weight


def _class(value: object, target: Target) -> int | None:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    place = target.class_of(value)
    number = _number(value) if place is None and isinstance(value, str) else None
    return target.class_of(number) if number is not None else place  # "1.0" of a table is class 1


def _whole_number(value: object) -> int | None:
    """Return a number from 0 to 2^53 without a fraction, or None."""
    if isinstance(value, bool):
        return None
    number = value if isinstance(value, int) else _number(value)
    return int(number) if number is not None and 0 <= number <= _MAX_NATURAL and number == int(number) else None


def _number(value: object) -> float | None:
    """Return a finite number that the sums bear, or None."""
    try:
        number = float(value) if isinstance(value, int | float | str) else math.nan
    except (ValueError, OverflowError):
        return None
    return number if abs(number) <= MAX_NUMBER else None


def _numbers(value: object) -> list[float]:
    parts: Sequence[object] = value.split(";") if isinstance(value, str) else value if isinstance(value, list) else ()
    numbers = [_number(part) for part in parts]
    return [math.nan if number is None else number for number in numbers]
