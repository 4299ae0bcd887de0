"""The laws of merging: identity, order, grouping, and one pass."""

import math
from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device_contract.baseline import Baseline
from device_contract.errors import SketchError
from device_contract.sketches import RowSummarizer, WindowSummary, empty_summary, merge
from tests.device_contract.sketches.strategies import BASELINE, Row, rows, stream, summaries, summarise

EXACT = ("pivot", "counts", "missing", "infinite", "out_of_range", "lag_pairs", "minimum", "maximum")


def assert_same(a: WindowSummary, b: WindowSummary) -> None:
    """Counts and extremes exactly; sums up to the float64 rounding of their largest terms."""
    assert (a.rows, a.latency) == (b.rows, b.latency)
    for left, right in zip(a.streams, b.streams, strict=True):
        assert [getattr(left, name) for name in EXACT] == [getattr(right, name) for name in EXACT]
        squares = left.sum_squares + right.sum_squares
        assert left.sum == pytest.approx(right.sum, rel=1e-12, abs=1e-12 * math.sqrt(squares * a.rows))
        assert left.sum_squares == pytest.approx(right.sum_squares, rel=1e-12)
        assert left.lag_products == pytest.approx(right.lag_products, rel=1e-12, abs=1e-12 * squares)


@given(summaries)
def test_the_empty_summary_changes_nothing(summary: WindowSummary) -> None:
    empty = empty_summary(BASELINE)
    assert merge(summary, empty) == merge(empty, summary) == summary


def test_empty_and_empty_is_empty() -> None:
    empty = empty_summary(BASELINE)
    assert merge(empty, empty) == empty == summarise([])


@given(summaries, summaries)
def test_order_is_irrelevant(a: WindowSummary, b: WindowSummary) -> None:
    assert merge(a, b) == merge(b, a)


@given(summaries, summaries, summaries)
def test_grouping_is_irrelevant(a: WindowSummary, b: WindowSummary, c: WindowSummary) -> None:
    assert_same(merge(merge(a, b), c), merge(a, merge(b, c)))


@given(rows, st.lists(st.integers(0, 40), max_size=4))
def test_merged_windows_equal_one_pass(taken: list[Row], cuts: list[int]) -> None:
    summarizer = RowSummarizer(BASELINE)
    merged = empty_summary(BASELINE)
    for position, (feature, output) in enumerate(taken):
        if position in cuts:
            merged = merge(merged, summarizer.take())
        summarizer.update(array("f", [feature]), array("d", [output]))
    assert_same(merge(merged, summarizer.take()), summarise(taken))


def test_summaries_of_different_baselines_do_not_merge() -> None:
    ours = empty_summary(BASELINE)
    first, second = BASELINE.streams
    fewer_streams = Baseline(streams=(first,))
    other_pivot = Baseline(streams=(first, stream(second.edges, role="output", mean=7.0)))
    other_edges = Baseline(streams=(stream((0.0,)), second))
    for baseline in (fewer_streams, other_pivot, other_edges):
        with pytest.raises(SketchError, match="different baselines"):
            merge(ours, empty_summary(baseline))
