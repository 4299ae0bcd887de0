"""Comparisons of what is stored."""

from dataclasses import dataclass

from fleet_server.comparisons.comparison import StreamComparison, compare
from fleet_server.comparisons.merging import Merger
from fleet_server.errors import NotFoundError
from fleet_server.telemetry.history import Selection, WindowHistory


@dataclass(frozen=True)
class Comparison:
    """Two sides, and each of their streams; windows and rows as (first side, second side)."""

    windows: tuple[int, int]
    rows: tuple[int, int]
    streams: list[StreamComparison]


class ComparisonService:
    """Merges and compares windows.

    Args:
        history: Reads them.
    """

    def __init__(self, history: WindowHistory) -> None:
        self._history = history

    def compare(self, a: Selection, b: Selection) -> Comparison:
        """Compare the windows of one selection with those of another.

        A shadow sees the rows that the champion sees: its windows count only on a side
        that names the shadow's version.

        Raises:
            NotFoundError: A side names a version that there is not, or has no window.
        """
        one, other = self._merge(a, "a"), self._merge(b, "b")
        return Comparison(
            windows=(one.windows, other.windows),
            rows=(one.rows, other.rows),
            streams=list(compare(one.parts, other.parts)),
        )

    def _merge(self, selection: Selection, side: str) -> Merger:
        self._history.check(selection)
        merger = Merger()
        for windows in self._history.walk(selection):
            for window in windows:
                if window.row.slot != "shadow" or selection.version is not None:
                    merger.add(window.baseline, window.summary.streams, window.summary.rows)
        if not merger.windows:
            raise NotFoundError(f"side {side} has no windows", code="no_windows")
        return merger
