"""The laws of merging: identity, order, grouping, and one pass."""

import math
from array import array
from functools import reduce

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device_contract.baseline import Baseline
from device_contract.errors import SketchError
from device_contract.sketches import RowSummarizer, WindowSummary, empty_summary, merge
from tests.device_contract.sketches.strategies import (
    BASELINE,
    WIDE,
    Row,
    WideRow,
    rows,
    stream,
    summaries,
    summarise,
    summarise_wide,
    wide_rows,
    wide_summaries,
)

EXACT = (
    "pivot",
    "counts",
    "missing",
    "infinite",
    "out_of_range",
    "lag_pairs",
    "repeats",
    "longest_run",
    "minimum",
    "maximum",
)


def assert_same(a: WindowSummary, b: WindowSummary) -> None:
    """Counts and extremes exactly; sums up to the float64 rounding of their largest terms."""
    assert (a.rows, a.latency, a.score_counts, a.resources) == (b.rows, b.latency, b.score_counts, b.resources)
    assert_same_parts(a, b)
    for left, right in zip(a.streams, b.streams, strict=True):
        assert [getattr(left, name) for name in EXACT] == [getattr(right, name) for name in EXACT]
        squares = left.sum_squares + right.sum_squares
        assert left.sum == pytest.approx(right.sum, rel=1e-12, abs=1e-12 * math.sqrt(squares * a.rows))
        assert left.sum_squares == pytest.approx(right.sum_squares, rel=1e-12)
        assert left.lag_products == pytest.approx(right.lag_products, rel=1e-12, abs=1e-12 * squares)


def assert_same_parts(a: WindowSummary, b: WindowSummary) -> None:
    assert (a.metrics, a.attributions.rows) == (b.metrics, b.attributions.rows)
    assert a.attributions.sums == pytest.approx(b.attributions.sums, rel=1e-12)
    assert msgspec.structs.astuple(a.projection) == pytest.approx(msgspec.structs.astuple(b.projection), rel=1e-12)
    if a.comoments is None or b.comoments is None:
        assert a.comoments == b.comoments
        return
    squares = sum(a.comoments.products)  # float32 within a block of rows
    assert a.comoments.rows == b.comoments.rows
    assert a.comoments.sums == pytest.approx(b.comoments.sums, rel=1e-5, abs=1e-5 * (1.0 + abs(squares)))
    assert a.comoments.products == pytest.approx(b.comoments.products, rel=1e-5, abs=1e-4 * (1.0 + abs(squares)))


@settings(max_examples=40)
@given(wide_summaries)
def test_the_empty_summary_of_everything_changes_nothing(summary: WindowSummary) -> None:
    empty = empty_summary(WIDE)
    assert merge(summary, empty) == merge(empty, summary) == summary


@settings(max_examples=40)
@given(wide_summaries, wide_summaries, wide_summaries)
def test_parts_merge_in_any_order_and_grouping(a: WindowSummary, b: WindowSummary, c: WindowSummary) -> None:
    assert merge(a, b) == merge(b, a)
    assert_same(merge(merge(a, b), c), merge(a, merge(b, c)))


@settings(max_examples=40)
@given(wide_rows, st.lists(st.integers(0, 80), max_size=4))
def test_merged_windows_of_everything_equal_one_pass(taken: list[WideRow], cuts: list[int]) -> None:
    assert_same(reduce(merge, summarise_wide(taken, cuts=cuts)), summarise_wide(taken)[0])


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
