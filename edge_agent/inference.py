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
from collections.abc import Callable

from device_contract.errors import RowError
from edge_agent.counters import Counters
from edge_agent.drawing import Leave
from edge_agent.errors import RowRefusedError
from edge_agent.keeping import Keeper, Keeping
from edge_agent.lanes import Lane
from edge_agent.predictions import Predictions
from edge_agent.probation import Probation
from edge_agent.rows import Record
from edge_agent.scoring.labels import most_probable
from edge_agent.sinks.sink import ScoredRow, Sink
from edge_agent.sources.source import BadRow
from edge_agent.summary import ClosedWindow


class InferenceLoop:
    """Scores with whatever lanes are set.

    Args:
        counters: Where bad rows are counted.
        keeper: Takes closed windows, and the rows drawn from them.
        sink: Where scores go, if anywhere.
        clock_ms: Unix milliseconds, for rows without a time.
        predictions: Numbers the rows, and remembers what was said of them.

    Attributes:
        gauges: What goes into the champion's reports beside its rows.
        has_model: Set while a model answers.
    """

    def __init__(
        self,
        counters: Counters,
        keeper: Keeper,
        sink: Sink | None,
        clock_ms: Callable[[], int],
        predictions: Predictions,
    ) -> None:
        self._counters = counters
        self._keeping = Keeping(keeper, counters, clock_ms)
        self.gauges = self._keeping.gauges
        self._sink = sink
        self._clock_ms = clock_ms
        self._predictions = predictions
        self._lock = threading.Lock()
        self._lanes: tuple[Lane, ...] = ()
        self._last_row_ms = 0
        self.has_model = threading.Event()

    def use(self, lanes: tuple[Lane, ...]) -> None:
        """Score with these lanes from the next row on; the open windows of the old ones are closed."""
        for lane in lanes:
            if lane.answers:
                lane.ring = self._predictions.ring(lane.slot.model, lane.slot.version, len(lane.outputs))
        with self._lock:
            for lane in self._lanes:
                self._close(lane, is_last=True)
            self._lanes = lanes
            for lane in lanes:
                self._keeping.tell(lane)
        if any(lane.answers for lane in lanes):
            self.has_model.set()
        else:
            self.has_model.clear()

    def allow(self, leave: Leave | None) -> None:
        """Let the windows that begin from now on draw rows to be sent; None sends no row any more."""
        with self._lock:
            self._keeping.leave = leave
            for lane in self._lanes:
                self._keeping.tell(lane)

    @property
    def version(self) -> tuple[str, str] | None:
        """Model and version that answer now."""
        return next(((lane.slot.model, lane.slot.version) for lane in self._lanes if lane.answers), None)

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

    @property
    def rows_scored(self) -> int:
        """Rows scored since enrolment."""
        return self._predictions.numbers.scored

    def score(self, record: Record) -> ScoredRow | None:
        """Score one row in every lane; whatever is wrong with it is counted.

        Returns:
            The champion's answer; None if there is none, or if the row completes no frame.
        """
        answer = None
        with self._lock:
            self._last_row_ms = self._clock_ms()
            if not self._lanes:
                self._counters.add("rows_without_model", "no model is active")
            for lane in self._lanes:
                answer = self._score_in(lane, record) or answer
        return answer

    def refuse(self, row: BadRow) -> None:
        """Count a row that the source could not read; it takes its place in the lanes' frames."""
        self._counters.add(row.reason, row.detail)
        with self._lock:
            for lane in self._lanes:
                lane.reader.skip()

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
            for lane in self._lanes:
                self._close(lane, is_last=True)

    def _score_in(self, lane: Lane, record: Record) -> ScoredRow | None:
        try:
            row = lane.reader.read(record)
        except RowRefusedError as error:
            lane.reader.skip()
            self._count(lane, error.reason, str(error))
            return None
        if row is None:
            return None  # a sample, in the middle of a frame
        try:
            began_ns = time.perf_counter_ns()
            lane.scorer.score_into(row, lane.outputs)
            latency_ns = time.perf_counter_ns() - began_ns
        except Exception as error:  # noqa: BLE001  (a foreign kernel may raise anything; scoring goes on)
            self._blame(lane, error)
            return None
        time_ms = self._last_row_ms if record.time_ms is None else record.time_ms
        number = self._predictions.numbers.next() if lane.answers else self._predictions.numbers.last
        self._watch(lane, row, latency_ns)
        try:
            self._account(lane, row, latency_ns, number, time_ms)
        except Exception as error:  # noqa: BLE001  (a fault in the statistics must not end scoring)
            self._excuse(error)
        return self._answer(lane, number, record.time_ms, time_ms) if lane.answers else None

    def _watch(self, lane: Lane, row: "array.array[float]", latency_ns: int) -> None:
        is_finite = math.isfinite(sum(row)) or self._count_not_finite(lane, row)
        if lane.probation is not None:
            is_nan = all(map(math.isnan, lane.outputs))
            lane.probation.observe(latency_ns=latency_ns, is_finite_row=is_finite, is_nan_score=is_nan)

    def _account(self, lane: Lane, row: "array.array[float]", latency_ns: int, number: int, time_ms: int) -> None:
        is_in_time, closed = lane.windows.place(time_ms)
        self._hand_on(lane, closed)
        if is_in_time:
            lane.windows.count(row, lane.outputs, latency_ns, number, time_ms)
        else:
            self._count(lane, "late_rows", "its window is closed already")

    def _answer(self, lane: Lane, number: int, given_ms: int | None, time_ms: int) -> ScoredRow:
        """Remember what was said of a row, and write it out."""
        if lane.ring is not None:
            lane.ring.keep(number, time_ms, lane.outputs)
        outputs = tuple(lane.outputs)
        scored = ScoredRow(number, given_ms, outputs, most_probable(lane.labels, outputs))
        if self._sink is not None:
            self._write(self._sink, scored)
        return scored

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

    def _write(self, sink: Sink, scored: ScoredRow) -> None:
        try:
            sink.write(scored)
        except (OSError, ValueError) as error:
            self._counters.add("sink_errors", error)

    def _close(self, lane: Lane, *, is_last: bool = False) -> None:
        try:
            closed = lane.windows.close(is_last=is_last)
        except Exception as error:  # noqa: BLE001  (a fault in the statistics must not end scoring)
            self._excuse(error)
            return
        self._hand_on(lane, closed)

    def _hand_on(self, lane: Lane, closed: ClosedWindow | None) -> None:
        if closed is None:
            return
        try:
            self._keeping.keep(lane, closed)
        except Exception as error:  # noqa: BLE001  (as above)
            self._excuse(error)

    def _excuse(self, error: Exception) -> None:
        self._counters.add("statistics_errors", f"{type(error).__name__}: {error}")
