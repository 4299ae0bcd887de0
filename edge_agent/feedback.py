"""What rows turned out to be: labels, each with what was predicted, on their way into the outbox.

Labels gather for a moment, so that a stream of them does not become a message each.
"""

import math
import threading
from collections import defaultdict
from collections.abc import Callable
from typing import Final, NamedTuple

from device_contract.errors import shown
from device_contract.feedback import MAX_LABELS, LabelledRow
from edge_agent.counters import Counters
from edge_agent.predictions import Prediction, Predictions

GATHERING_S: Final = 5.0
"""The most that a killed process loses of its labels."""
MAX_TEXT: Final = 512

Version = tuple[str, str]
"""A model and its version."""
Keep = Callable[[Version, tuple[LabelledRow, ...]], None]
"""Puts labels of one version into the outbox."""


class Truth(NamedTuple):
    """What one row turned out to be.

    Attributes:
        label: A number, or the label of a class.
        row: The row's number, if it is known.
        time_ms: Its event time, Unix milliseconds, if it is known.
        weight: How much it counts.
    """

    label: float | str
    row: int | None = None
    time_ms: int | None = None
    weight: float = 1.0


class Feedback:
    """Pairs labels with predictions, and gathers them; from any thread.

    Args:
        predictions: What was said of the last rows.
        active: Gives the version that scores now, for labels of rows that are not remembered.
        keep: Puts labels into the outbox.
        counters: What goes wrong.
    """

    def __init__(
        self, predictions: Predictions, active: Callable[[], Version | None], keep: Keep, counters: Counters
    ) -> None:
        self._predictions = predictions
        self._active = active
        self._keep = keep
        self._counters = counters
        self._lock = threading.Lock()
        self._labels: dict[Version, list[LabelledRow]] = defaultdict(list)
        self._due_s = math.inf

    def add(self, truth: Truth, now_s: float) -> bool:
        """Take a label; False, and counted, if it can be none.

        Args:
            truth: What a row turned out to be.
            now_s: Monotonic seconds.
        """
        fault = _fault(truth)
        found = None if fault else self._predictions.find(truth.row, truth.time_ms)
        version = (found.model, found.version) if found is not None else self._active()
        if fault or version is None:
            self._counters.add("feedback_refused", fault or "no version has scored here")
            return False
        if found is None:
            self._counters.add("feedback_unmatched", f"row {truth.row}, time {truth.time_ms}")
        with self._lock:
            labels = self._labels[version]
            labels.append(_labelled(truth, found))
            self._due_s = min(self._due_s, now_s + GATHERING_S)
            if len(labels) == MAX_LABELS:
                self._keep(version, tuple(self._labels.pop(version)))
        return True

    def flush(self, now_s: float = math.inf) -> None:
        """Put what has gathered long enough into the outbox; without a time, all."""
        with self._lock:
            if now_s < self._due_s:
                return
            gathered, self._labels, self._due_s = self._labels, defaultdict(list), math.inf
            for version, labels in gathered.items():
                self._keep(version, tuple(labels))


def _fault(truth: Truth) -> str:
    if truth.row is None and truth.time_ms is None:
        return "a label names its row by number or by time"
    if any(isinstance(place, bool) or not isinstance(place, int | None) for place in (truth.row, truth.time_ms)):
        return "a row's number and its time are whole numbers"
    if any(place is not None and not 0 <= place <= 2**53 for place in (truth.row, truth.time_ms)):
        return "a row's number or its time is out of range"
    if not (_is_number(truth.weight) and truth.weight >= 0.0):
        return f"{shown(truth.weight)} is no weight"
    if isinstance(truth.label, str):
        return "" if len(truth.label) <= MAX_TEXT and "\0" not in truth.label else "a label has at most 512 characters"
    return "" if _is_number(truth.label) else f"{shown(truth.label)} is no label"


def _is_number(value: object) -> bool:
    try:
        return isinstance(value, int | float) and math.isfinite(value)
    except OverflowError:  # a whole number that no float64 holds
        return False


def _labelled(truth: Truth, found: Prediction | None) -> LabelledRow:
    return LabelledRow(
        row=found.row if found is not None else truth.row,
        time_ms=found.time_ms if found is not None else truth.time_ms,
        outputs=found.outputs if found is not None else b"",
        label=truth.label if isinstance(truth.label, str) else float(truth.label),
        weight=float(truth.weight),
    )
