"""Windows of statistics, aligned in event time.

A row belongs to the window ``floor(time / length)``. The first row of a later window
closes the present one. A row of an earlier window is *late*: it is scored, counted as
``late_rows`` and kept out of the statistics, because its window may already be with the
server. When ``LATE_ROWS_OF_RESET`` rows in a row are late, the clock that stamps them has
been set back (or a recording begins again): the present window closes and theirs begins.

Co-moments go out with the window that ends a day, and with the last one that a model has.
"""

import array
from dataclasses import dataclass
from typing import Final

from device_contract.baseline import Baseline
from device_contract.samples import SampledRow
from device_contract.sketches import RowSummarizer, WindowSummary
from edge_agent.drawing import Draw, Explainer, Leave

LATE_ROWS_OF_RESET: Final = 100
DAY_MS: Final = 86_400_000


@dataclass(frozen=True)
class ClosedWindow:
    """A window's statistics, and what was drawn from it.

    Attributes:
        start_ms: Event time, inclusive.
        end_ms: Event time, exclusive.
        summary: What was counted.
        baseline: What it was counted against.
        leave: By which rows were drawn to be sent, if any were.
        rows: Those rows, nothing redacted yet.
    """

    start_ms: int
    end_ms: int
    summary: WindowSummary
    baseline: Baseline
    leave: Leave | None = None
    rows: tuple[SampledRow, ...] = ()


class Windows:
    """The open window of one slot.

    Args:
        baseline: The bundle's baseline.
        length_ms: Length of a window.
        explainer: The model.

    Attributes:
        leave: By which the windows that begin from now on draw rows to be sent.
    """

    def __init__(self, baseline: Baseline, length_ms: int, explainer: Explainer) -> None:
        self.leave: Leave | None = None
        self._baseline = baseline
        self._explainer = explainer
        self._summarizer = RowSummarizer(baseline)
        self._draw = Draw(explainer, None)
        self._length_ms = length_ms
        self._start_ms: int | None = None
        self._late_in_a_row = 0

    @property
    def end_ms(self) -> int | None:
        """End of the open window; None when there is none."""
        return None if self._start_ms is None else self._start_ms + self._length_ms

    def place(self, time_ms: int) -> tuple[bool, ClosedWindow | None]:
        """Make the row's window the open one.

        Returns:
            Whether the row belongs to the statistics (it is not late), and the window that it closed.
        """
        start_ms = time_ms - time_ms % self._length_ms
        if start_ms == self._start_ms:
            self._late_in_a_row = 0
            return True, None
        if self._start_ms is not None and start_ms < self._start_ms:
            self._late_in_a_row += 1
            if self._late_in_a_row < LATE_ROWS_OF_RESET:
                return False, None
        closed = self.close()
        self._start_ms = start_ms
        self._late_in_a_row = 0
        self._draw = Draw(self._explainer, self.leave)
        return True, closed

    def count(
        self, row: "array.array[float]", outputs: "array.array[float]", latency_ns: int, number: int, time_ms: int
    ) -> None:
        """Count a scored row in the open window, and let it take part in the draw.

        Args:
            row: float32 buffer (n_features,).
            outputs: float64 buffer (n_outputs,).
            latency_ns: The time that scoring it took.
            number: The row's number.
            time_ms: Its event time.
        """
        self._summarizer.update(row, outputs)
        self._summarizer.observe_latency_ns(latency_ns)
        self._draw.offer(number, time_ms, row, outputs)

    def close(self, *, is_last: bool = False) -> ClosedWindow | None:
        """End the open window; None when it holds no row.

        Args:
            is_last: Whether the model goes with it.
        """
        start_ms, self._start_ms = self._start_ms, None
        if start_ms is None or self._summarizer.rows == 0:
            return None
        end_ms = start_ms + self._length_ms
        try:
            rows = self._draw.finish(self._summarizer.observe_contributions)
        finally:  # Whatever comes of the draw, the next window begins with nothing.
            summary = self._summarizer.take(with_comoments=is_last or start_ms // DAY_MS != end_ms // DAY_MS)
        return ClosedWindow(start_ms, end_ms, summary, self._baseline, self._draw.leave, rows)
