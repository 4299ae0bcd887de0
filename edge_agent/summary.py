"""Windows of statistics, aligned in event time.

A row belongs to the window ``floor(time / length)``. The first row of a later window
closes the present one. A row of an earlier window is *late*: it is scored, counted as
``late_rows`` and kept out of the statistics, because its window may already be with the
server. When ``LATE_ROWS_OF_RESET`` rows in a row are late, the clock that stamps them has
been set back (or a recording begins again): the present window closes and theirs begins.
"""

import array
from dataclasses import dataclass
from typing import Final

from device_contract.baseline import Baseline
from device_contract.sketches import RowSummarizer, WindowSummary

LATE_ROWS_OF_RESET: Final = 100


@dataclass(frozen=True)
class ClosedWindow:
    """A window's statistics.

    Attributes:
        start_ms: Event time, inclusive.
        end_ms: Event time, exclusive.
        summary: What was counted.
        baseline: What it was counted against.
    """

    start_ms: int
    end_ms: int
    summary: WindowSummary
    baseline: Baseline


class Windows:
    """The open window of one slot.

    Args:
        baseline: The bundle's baseline.
        length_ms: Length of a window.
    """

    def __init__(self, baseline: Baseline, length_ms: int) -> None:
        self._baseline = baseline
        self._summarizer = RowSummarizer(baseline)
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
        return True, closed

    def count(self, row: "array.array[float]", outputs: "array.array[float]", latency_ns: int) -> None:
        """Count a scored row in the open window.

        Args:
            row: float32 buffer (n_features,).
            outputs: float64 buffer (n_outputs,).
            latency_ns: The time that scoring it took.
        """
        self._summarizer.update(row, outputs)
        self._summarizer.observe_latency_ns(latency_ns)

    def close(self) -> ClosedWindow | None:
        """End the open window; None when it holds no row."""
        start_ms, self._start_ms = self._start_ms, None
        if start_ms is None or self._summarizer.rows == 0:
            return None
        return ClosedWindow(start_ms, start_ms + self._length_ms, self._summarizer.take(), self._baseline)
