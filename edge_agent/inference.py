"""Scoring rows and keeping their statistics: the loop that nothing may stop.

One *lane* for each slot that scores (champion; shadow beside it, reported and never
answered): a scorer, its row reader, its open window and, after an activation, its
probation. ``InferenceLoop.score`` takes a record from a source and never raises: what is
wrong with a row is counted. Activations and timers come from other threads; one lock
keeps each row whole. A record is a row, or a sample of the model's frame: then it is the frame's
features that are scored and counted, at the time of its last sample.
"""

import array
import math
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from device_contract.assignment import AssignedSlot
from device_contract.baseline import decode_baseline
from device_contract.bundle import open_file
from device_contract.errors import ContractError, RowError
from device_contract.manifest import Label
from device_contract.messages import SCORING_SLOTS
from edge_agent.counters import Counters
from edge_agent.errors import AgentError, RowRefusedError
from edge_agent.frames import reader_for
from edge_agent.probation import Probation
from edge_agent.rows import Record
from edge_agent.scoring.scorer import Scorer
from edge_agent.sources.source import BadRow
from edge_agent.summary import ClosedWindow, Windows

Emit = Callable[[AssignedSlot, str, ClosedWindow], None]
"""Told of each closed window: its slot, the digest of its baseline, its statistics."""


class Sink(Protocol):
    """Where scores go; the shadow's do not."""

    def write(self, time_ms: int | None, outputs: Sequence[float], labels: Sequence[Label]) -> None:
        """Write one row's score."""


class Lane:
    """One slot that scores.

    Args:
        slot: What it holds.
        path: The verified bundle.
        window_ms: Length of a window.

    Raises:
        ContractError: The bundle or its model is not sound.
        ModelError: The bundle needs onnxruntime, which is not installed.
    """

    def __init__(self, slot: AssignedSlot, path: Path, window_ms: int) -> None:
        bundle = open_file(path)
        self.slot = slot
        self.answers = slot.slot != "shadow"
        self.labels = bundle.manifest.labels
        self.baseline_sha256 = bundle.manifest.baseline.sha256
        self.windows = Windows(decode_baseline(bundle.files[bundle.manifest.baseline.path]), window_ms)
        self.reader = reader_for(bundle.manifest)
        self.scorer = Scorer.open(path)
        self.outputs = array.array("d", bytes(8 * len(bundle.manifest.outputs)))
        self.probation: Probation | None = None


class InferenceLoop:
    """Scores with whatever lanes are set.

    Args:
        counters: Where bad rows are counted.
        emit: Told of closed windows.
        sink: Where scores go, if anywhere.
        clock_ms: Unix milliseconds, for rows without a time.
    """

    def __init__(self, counters: Counters, emit: Emit, sink: Sink | None, clock_ms: Callable[[], int]) -> None:
        self._counters = counters
        self._emit = emit
        self._sink = sink
        self._clock_ms = clock_ms
        self._lock = threading.Lock()
        self._lanes: tuple[Lane, ...] = ()
        self._last_row_ms = 0
        self.rows_scored = 0
        self.has_model = threading.Event()

    def use(self, lanes: tuple[Lane, ...]) -> None:
        """Score with these lanes from the next row on; the open windows of the old ones are closed."""
        with self._lock:
            self._close_windows()
            self._lanes = lanes
        if any(lane.answers for lane in lanes):
            self.has_model.set()
        else:
            self.has_model.clear()

    def probations(self) -> list[Probation]:
        """Return the probations under way."""
        return [lane.probation for lane in self._lanes if lane.probation is not None]

    def watch(self, start: Callable[[], Probation]) -> None:
        """Begin a probation in each lane."""
        with self._lock:
            for lane in self._lanes:
                lane.probation = start()

    def end_probations(self) -> None:
        """Stop watching."""
        with self._lock:
            for lane in self._lanes:
                lane.probation = None

    def score(self, record: Record | BadRow) -> None:
        """Score one row in every lane; whatever is wrong with it is counted."""
        if isinstance(record, BadRow):
            self._counters.add(record.reason, record.detail)
            with self._lock:
                for lane in self._lanes:
                    lane.reader.skip()
            return
        with self._lock:
            self._last_row_ms = self._clock_ms()
            if not self._lanes:
                self._counters.add("rows_without_model", "no model is active")
            for lane in self._lanes:
                self._score_in(lane, record)

    def close_idle(self, grace_ms: int) -> None:
        """Close the windows whose end has passed by the clock, when no row came for the grace time."""
        now_ms = self._clock_ms()
        with self._lock:
            if now_ms - self._last_row_ms < grace_ms:
                return
            for lane in self._lanes:
                end_ms = lane.windows.end_ms
                if end_ms is not None and now_ms >= end_ms + grace_ms:
                    self._close(lane)

    def close_all(self) -> None:
        """Close every open window: the source has ended, or the agent ends."""
        with self._lock:
            self._close_windows()

    def _score_in(self, lane: Lane, record: Record) -> None:
        try:
            row = lane.reader.read(record)
        except RowRefusedError as error:
            lane.reader.skip()
            self._count(lane, error.reason, str(error))
            return
        if row is None:
            return  # a sample, in the middle of a frame
        try:
            began_ns = time.perf_counter_ns()
            lane.scorer.score_into(row, lane.outputs)
            latency_ns = time.perf_counter_ns() - began_ns
        except Exception as error:  # noqa: BLE001  (a foreign kernel may raise anything; scoring goes on)
            self._blame(lane, error)
            return
        self._account(lane, record, row, latency_ns)

    def _account(self, lane: Lane, record: Record, row: "array.array[float]", latency_ns: int) -> None:
        is_finite = math.isfinite(sum(row)) or self._count_not_finite(lane, row)
        is_in_time, closed = lane.windows.place(record.time_ms if record.time_ms is not None else self._last_row_ms)
        if closed is not None:
            self._emit(lane.slot, lane.baseline_sha256, closed)
        if is_in_time:
            lane.windows.count(row, lane.outputs, latency_ns)
        else:
            self._count(lane, "late_rows", "its window is closed already")
        if lane.probation is not None:
            is_nan = all(map(math.isnan, lane.outputs))
            lane.probation.observe(latency_ns=latency_ns, is_finite_row=is_finite, is_nan_score=is_nan)
        if lane.answers:
            self.rows_scored += 1
            self._write(lane, record.time_ms)

    def _count_not_finite(self, lane: Lane, row: "array.array[float]") -> bool:
        """Count NaN and infinities; True when the sum alone overflowed and the row is finite."""
        has_nan, has_infinity = any(map(math.isnan, row)), any(map(math.isinf, row))
        if has_nan:
            self._count(lane, "row_nan", "a row holds NaN or a missing value; it is scored")
        if has_infinity:
            self._count(lane, "row_infinite", "a row holds an infinity; it is scored")
        return not (has_nan or has_infinity)

    def _blame(self, lane: Lane, error: Exception) -> None:
        detail = f"{lane.slot.model} {lane.slot.version}: {type(error).__name__}: {error}"
        self._counters.add("scoring_errors", detail)
        if lane.probation is not None and not isinstance(error, RowError):
            lane.probation.observe_error(detail)

    def _count(self, lane: Lane, reason: str, detail: str) -> None:
        """Count once a row: the shadow's view of the same row is not counted again."""
        if lane.answers:
            self._counters.add(reason, detail)

    def _write(self, lane: Lane, time_ms: int | None) -> None:
        if self._sink is None:
            return
        try:
            self._sink.write(time_ms, lane.outputs, lane.labels)
        except (OSError, ValueError) as error:
            self._counters.add("sink_errors", error)

    def _close_windows(self) -> None:
        for lane in self._lanes:
            self._close(lane)

    def _close(self, lane: Lane) -> None:
        closed = lane.windows.close()
        if closed is not None:
            self._emit(lane.slot, lane.baseline_sha256, closed)


def load_lanes(slots: Sequence[AssignedSlot], path_of: Callable[[str], Path], window_ms: int) -> tuple[Lane, ...]:
    """Load the slots that score: the champion and the shadow.

    Raises:
        ContractError: A bundle cannot be loaded.
        ModelError: A bundle needs onnxruntime, which is not installed.
    """
    return tuple(Lane(slot, path_of(slot.sha256), window_ms) for slot in slots if slot.slot in SCORING_SLOTS)


def load_fallback(slots: Sequence[AssignedSlot], path_of: Callable[[str], Path], window_ms: int) -> tuple[Lane, ...]:
    """Load the fallback in the champion's place; nothing when there is none that loads."""
    for slot in slots:
        if slot.slot == "fallback":
            try:
                return (Lane(slot, path_of(slot.sha256), window_ms),)
            except (ContractError, AgentError):
                continue
    return ()
