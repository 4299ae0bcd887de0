"""The compiled summarizer against numpy, on every prefix."""

import math
from array import array

import numpy as np
import pytest
from hypothesis import given

from device_contract.baseline import Baseline
from device_contract.errors import RowError
from device_contract.sketches import RowSummarizer, StreamSketch, empty_summary
from tests.device_contract.sketches.strategies import BASELINE, Row, rows, stream, summarise


def expect(sketch: StreamSketch, taken: np.ndarray, edges: tuple[float, ...], pivot: float) -> None:
    finite = taken[np.isfinite(taken)].astype(np.float64)
    bins = np.searchsorted(np.asarray(edges), finite, side="right")
    assert sketch.counts == tuple(np.bincount(bins, minlength=len(edges) + 1))
    assert (sketch.finite, sketch.missing) == (len(finite), np.isnan(taken).sum())
    assert sketch.infinite == np.isinf(taken).sum()
    assert sketch.out_of_range == ((finite < -4.0) | (finite > 4.0)).sum()
    assert sketch.minimum == min(finite, default=math.inf)
    assert sketch.maximum == max(finite, default=-math.inf)
    distances = taken.astype(np.float64) - pivot
    kept = distances[np.isfinite(distances)]
    neighbours = distances[1:] * distances[:-1]
    assert sketch.lag_pairs == np.isfinite(neighbours).sum()
    tolerance = 1e-12 * (1.0 + float(np.sum(kept**2)))
    assert sketch.sum == pytest.approx(kept.sum(), rel=1e-9, abs=1e-12 * (1.0 + float(np.abs(kept).sum())))
    assert sketch.sum_squares == pytest.approx(np.sum(kept**2), rel=1e-9)
    assert sketch.lag_products == pytest.approx(neighbours[np.isfinite(neighbours)].sum(), rel=1e-9, abs=tolerance)


@given(rows)
def test_every_prefix_equals_numpy(taken: list[Row]) -> None:
    for length in range(len(taken) + 1):
        summary = summarise(taken[:length])
        assert summary.rows == length
        with np.errstate(over="ignore", invalid="ignore"):
            table = np.asarray(taken[:length], np.float32).reshape(length, 2)
            for column, sketch in enumerate(summary.streams):
                expect(sketch, table[:, column], BASELINE.streams[column].edges, BASELINE.streams[column].mean)


def test_mean_variance_and_lag1_correlation_are_those_of_the_values() -> None:
    walk = np.cumsum(np.random.default_rng(1).normal(size=4000)).astype(np.float32)
    sketch = summarise([(float(x), 0.0) for x in walk]).streams[0]
    wide = walk.astype(np.float64)
    assert sketch.mean == pytest.approx(wide.mean(), rel=1e-12)
    assert sketch.variance == pytest.approx(wide.var(), rel=1e-9)
    assert sketch.lag1_correlation == pytest.approx(np.corrcoef(wide[1:], wide[:-1])[0, 1], abs=2e-3)


def test_a_constant_stream_has_no_variance_and_no_correlation() -> None:
    sketch = summarise([(0.1, 1e30)] * 7).streams[0]
    assert (sketch.variance, sketch.lag1_correlation) == (0.0, 0.0)
    assert sketch.mean == pytest.approx(np.float32(0.1), rel=1e-12)


def test_a_stream_without_values_has_no_mean() -> None:
    sketch = summarise([(math.nan, math.inf)]).streams[0]
    assert math.isnan(sketch.mean)
    assert math.isnan(sketch.variance)
    assert sketch.lag1_correlation == 0.0


@pytest.mark.parametrize("count", [1, 2, 15, 16, 17, 255])
def test_a_value_on_an_edge_is_in_the_bin_above_it(count: int) -> None:
    edges = tuple(float(i) for i in range(count))
    baseline = Baseline(streams=(stream(edges), stream((0.0,), name="y", role="output")))
    for position, edge in enumerate(edges):
        below = float(np.nextafter(np.float32(edge), np.float32(-np.inf)))
        counts = summarise([(edge, 0.0), (below, 0.0)], baseline).streams[0].counts
        assert (counts[position + 1], counts[position]) == (1, 1)


def test_an_output_is_counted_as_the_nearest_float32() -> None:
    below_one = math.nextafter(1.0, 0.0)
    baseline = Baseline(streams=(stream((1.0,)), stream((1.0,), name="y", role="output")))
    assert summarise([(0.0, below_one)], baseline).streams[1].counts == (0, 1)
    assert summarise([(0.0, 1e300)], baseline).streams[1].infinite == 1


def test_two_windows_hold_what_one_would_have_held() -> None:
    summarizer = RowSummarizer(BASELINE)
    pairs = 0
    for _ in range(2):
        for _ in range(3):
            summarizer.update(array("f", [1.0]), array("d", [1.0]))
        pairs += summarizer.take().streams[0].lag_pairs
    assert pairs == summarise([(1.0, 1.0)] * 6).streams[0].lag_pairs == 5


def test_taking_starts_again_from_none() -> None:
    summarizer = RowSummarizer(BASELINE)
    summarizer.update(array("f", [math.nan]), array("d", [9.0]))
    summarizer.observe_latency_ns(500)
    assert summarizer.rows == 1
    summarizer.take()
    assert summarizer.rows == 0
    assert summarizer.take() == empty_summary(BASELINE)


@pytest.mark.parametrize(
    ("row", "outputs", "told"),
    [
        (array("f", [1.0, 2.0]), array("d", [1.0]), "1 values of format 'f'"),
        (array("f"), array("d", [1.0]), "0 bytes"),
        (array("d", [1.0]), array("d", [1.0]), "format 'd'"),
        (array("i", [1]), array("d", [1.0]), "format 'i'"),
        (b"\0\0\0\0", array("d", [1.0]), "format 'B'"),
        ([1.0], array("d", [1.0]), "not this list"),
        (None, array("d", [1.0]), "not this NoneType"),
        (np.ones(2, np.float32)[::2], array("d", [1.0, 2.0]), "format 'd', 16 bytes"),
        (np.ones((2, 2), np.float32)[:, 0], array("d", [1.0]), "not this ndarray"),
        (np.ones(1, ">f4"), array("d", [1.0]), "format '>f'"),
        (array("f", [1.0]), array("f", [1.0]), "1 values of format 'd'"),
        (array("f", [1.0]), "1.0", "not this str"),
    ],
)
def test_a_wrong_row_is_one_clear_error_and_counts_nothing(row: object, outputs: object, told: str) -> None:
    summarizer = RowSummarizer(BASELINE)
    with pytest.raises(RowError, match=told):
        summarizer.update(row, outputs)  # type: ignore[arg-type]
    assert summarizer.take() == empty_summary(BASELINE)


def test_a_row_may_be_a_numpy_array_and_may_be_read_only() -> None:
    row, outputs = np.ones(1, np.float32), np.ones((1, 1))
    row.setflags(write=False)
    summarizer = RowSummarizer(BASELINE)
    summarizer.update(row, outputs)
    assert summarizer.rows == 1
    row.setflags(write=True)  # no view is left open
