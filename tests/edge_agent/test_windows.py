from array import array

import msgspec

from device_contract.assignment import SamplingPolicy
from device_contract.baseline import Baseline
from device_contract.plan.scorer import PlanScorer
from device_contract.projection import Projection
from edge_agent.drawing import EXPLAINED_ROWS, Leave
from edge_agent.summary import DAY_MS, LATE_ROWS_OF_RESET, ClosedWindow, Windows
from tests.edge_agent.bundles import baseline, doubles, linear_plan

HOUR_MS = 3_600_000


def open_windows(reference: Baseline | None = None, length_ms: int = 60_000) -> Windows:
    return Windows(reference or baseline(), length_ms, PlanScorer(linear_plan(2.0, doubles(0.5, 1.0))))


def count(windows: Windows, time_ms: int) -> "list[tuple[int, int, int]]":
    """Place and count a row; return the windows that it closed as (start, end, rows)."""
    is_in_time, closed = windows.place(time_ms)
    if is_in_time:
        windows.count(array("f", (0.5, 1.0)), array("d", (2.0,)), 1000, 1, time_ms)
    return [(closed.start_ms, closed.end_ms, closed.summary.rows)] if closed else []


def test_windows_are_aligned_in_event_time() -> None:
    windows = open_windows()
    closed = [window for time_ms in (30_000, 59_999, 60_000, 300_001) for window in count(windows, time_ms)]
    assert closed == [(0, 60_000, 2), (60_000, 120_000, 1)]
    last = windows.close()
    assert last is not None
    assert (last.start_ms, last.end_ms, last.summary.latency.observations) == (300_000, 360_000, 1)
    assert windows.close() is None


def test_a_late_row_stays_out_of_the_statistics() -> None:
    windows = open_windows()
    count(windows, 70_000)
    assert windows.place(59_999) == (False, None)
    assert count(windows, 70_001) == []
    closed = windows.close()
    assert closed is not None
    assert closed.summary.rows == 2


def test_a_clock_that_was_set_back_is_followed() -> None:
    windows = open_windows()
    count(windows, 10**12)
    closed = [window for _ in range(LATE_ROWS_OF_RESET) for window in count(windows, 1000)]
    assert [rows for _start, _end, rows in closed] == [1]
    assert windows.end_ms == 60_000


def test_a_few_late_rows_among_others_are_no_reset() -> None:
    windows = open_windows()
    for _ in range(LATE_ROWS_OF_RESET):
        count(windows, 70_000)
        assert windows.place(0) == (False, None)


def run_hours(windows: Windows, hours: range) -> list[ClosedWindow]:
    """Count a row an hour; return the windows that it closed."""
    closed = []
    for hour in hours:
        closed.append(windows.place(hour * HOUR_MS)[1])
        windows.count(array("f", (0.5, 1.0)), array("d", (2.0,)), 1000, hour, hour * HOUR_MS)
    return [window for window in closed if window is not None]


def test_contributions_of_a_bounded_number_of_rows_are_summed_up() -> None:
    windows = open_windows()
    for number in range(10 * EXPLAINED_ROWS):
        windows.place(0)
        windows.count(array("f", (1.5, 0.0)), array("d", (3.0,)), 1000, number, 0)
    closed = windows.close()
    assert closed is not None
    attributions = closed.summary.attributions
    assert (attributions.rows, attributions.sums) == (EXPLAINED_ROWS, (2.0 * EXPLAINED_ROWS, 1.0 * EXPLAINED_ROWS))


def test_leave_counts_from_the_next_window_on() -> None:
    windows = open_windows(length_ms=HOUR_MS)
    run_hours(windows, range(1))
    windows.leave = Leave(SamplingPolicy(rows_per_window=5, key="0" * 32), 10**15)
    windows.count(array("f", (0.5, 1.0)), array("d", (2.0,)), 1000, 77, 0)
    before, after = run_hours(windows, range(1, 3))
    assert (before.leave, before.rows) == (None, ())
    assert (after.leave, [row.row for row in after.rows]) == (windows.leave, [1])


def test_co_moments_go_out_with_the_last_window_of_a_day_and_of_a_model() -> None:
    windows = open_windows(projected(baseline()), HOUR_MS)
    closed = run_hours(windows, range(50))
    with_comoments = [window for window in closed if window.summary.comoments is not None]
    assert [window.end_ms for window in with_comoments] == [DAY_MS, 2 * DAY_MS]
    assert [window.summary.comoments and window.summary.comoments.rows for window in with_comoments] == [24, 24]
    last = windows.close(is_last=True)
    assert last is not None
    assert last.summary.comoments is not None
    assert last.summary.comoments.rows == 2


def projected(reference: Baseline) -> Baseline:
    """Return a baseline with a projection of both features."""
    projection = Projection(
        features=(0, 1),
        components=array("f", (1.0, 0.0)).tobytes(),
        eigenvalues=(1.0,),
        rows=10,
        t2_mean=1.0,
        t2_variance=1.0,
        t2_lag1_correlation=0.0,
        q_mean=1.0,
        q_variance=1.0,
        q_lag1_correlation=0.0,
    )
    return msgspec.structs.replace(reference, projection=projection, correlations=array("f", (0.5,)).tobytes())
