"""What a window draws: rows to send by leave, and contributions to sum up, at a bounded cost."""

import math
from array import array
from collections.abc import Sequence

from device_contract.assignment import SamplingPolicy
from device_contract.plan.scorer import PlanScorer
from device_contract.samples import SampledRow
from edge_agent.drawing import EXPLAINED_ROWS, Draw, Leave
from tests.edge_agent.bundles import doubles, linear_plan
from tests.support import plans

KEY = "ab" * 16
EXPLAINABLE = PlanScorer(plans.linear_plan(2, 1, doubles(2.0, 1.0), doubles(0.0), reference=doubles(1.0, 1.0)))
SILENT = PlanScorer(linear_plan(2.0))


def leave(rows: int, *, explain: bool = False) -> Leave:
    return Leave(SamplingPolicy(rows_per_window=rows, key=KEY, explain=explain), until_ms=10**15)


def run(
    draw: Draw, count: int, values: Sequence[float] = (3.0, 5.0)
) -> tuple[tuple[SampledRow, ...], list[list[float]]]:
    """Offer rows; return those to be sent, and the contributions that were summed up."""
    for number in range(1, count + 1):
        draw.offer(number, 1000 * number, array("f", values), array("d", (11.0,)))
    summed: list[list[float]] = []
    rows = draw.finish(lambda contributions: summed.append(contributions.tolist()))
    return rows, summed


def test_without_leave_nothing_is_drawn_to_be_sent_and_a_bounded_number_is_summed_up() -> None:
    rows, summed = run(Draw(EXPLAINABLE, None), 1000)
    assert rows == ()
    assert len(summed) == EXPLAINED_ROWS
    assert summed[0] == [4.0, 4.0, 3.0]


def test_a_model_that_cannot_tell_is_asked_nothing() -> None:
    assert run(Draw(SILENT, None), 100) == ((), [])
    rows, summed = run(Draw(SILENT, leave(5, explain=True)), 100)
    assert [row.contributions for row in rows] == [b""] * 5
    assert summed == []


def test_by_leave_rows_are_drawn_in_the_order_of_their_numbers() -> None:
    rows, summed = run(Draw(EXPLAINABLE, leave(5)), 100)
    assert len(rows) == 5
    assert [row.row for row in rows] == sorted(row.row for row in rows)
    assert {row.contributions for row in rows} == {b""}
    assert array("f", rows[0].values).tolist() == [3.0, 5.0]
    assert rows[0].time_ms == 1000 * rows[0].row
    assert len(summed) == EXPLAINED_ROWS


def test_contributions_go_with_the_rows_where_the_policy_says_so() -> None:
    rows, summed = run(Draw(EXPLAINABLE, leave(100, explain=True)), 300)
    assert {row.contributions for row in rows} == {array("f", (4.0, 4.0)).tobytes()}
    assert (len(rows), len(summed)) == (100, EXPLAINED_ROWS)


def test_a_row_that_the_model_refuses_has_no_contributions_and_spoils_no_sum() -> None:
    rows, summed = run(Draw(EXPLAINABLE, leave(3, explain=True)), 10, (math.nan, 1.0))
    assert ([row.contributions for row in rows], summed) == ([b""] * 3, [])


def test_a_short_window_gives_what_it_has() -> None:
    rows, summed = run(Draw(EXPLAINABLE, leave(10)), 3)
    assert ([row.row for row in rows], len(summed)) == ([1, 2, 3], 3)
