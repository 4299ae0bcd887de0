from array import array

from edge_agent.summary import LATE_ROWS_OF_RESET, Windows
from tests.edge_agent.bundles import baseline


def count(windows: Windows, time_ms: int) -> "list[tuple[int, int, int]]":
    """Place and count a row; return the windows that it closed as (start, end, rows)."""
    is_in_time, closed = windows.place(time_ms)
    if is_in_time:
        windows.count(array("f", (0.5, 1.0)), array("d", (2.0,)), 1000)
    return [(closed.start_ms, closed.end_ms, closed.summary.rows)] if closed else []


def test_windows_are_aligned_in_event_time() -> None:
    windows = Windows(baseline(), 60_000)
    closed = [window for time_ms in (30_000, 59_999, 60_000, 300_001) for window in count(windows, time_ms)]
    assert closed == [(0, 60_000, 2), (60_000, 120_000, 1)]
    last = windows.close()
    assert last is not None
    assert (last.start_ms, last.end_ms, last.summary.latency.observations) == (300_000, 360_000, 1)
    assert windows.close() is None


def test_a_late_row_stays_out_of_the_statistics() -> None:
    windows = Windows(baseline(), 60_000)
    count(windows, 70_000)
    assert windows.place(59_999) == (False, None)
    assert count(windows, 70_001) == []
    closed = windows.close()
    assert closed is not None
    assert closed.summary.rows == 2


def test_a_clock_that_was_set_back_is_followed() -> None:
    windows = Windows(baseline(), 60_000)
    count(windows, 10**12)
    closed = [window for _ in range(LATE_ROWS_OF_RESET) for window in count(windows, 1000)]
    assert [rows for _start, _end, rows in closed] == [1]
    assert windows.end_ms == 60_000


def test_a_few_late_rows_among_others_are_no_reset() -> None:
    windows = Windows(baseline(), 60_000)
    for _ in range(LATE_ROWS_OF_RESET):
        count(windows, 70_000)
        assert windows.place(0) == (False, None)
