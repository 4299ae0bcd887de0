"""The baseline of a sample: the contract's rules for bins, and the same counts as a device."""

import math
from array import array

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from compiler.baseline import QUANTILES, build_baseline
from device_contract.baseline import MAX_EDGES, Baseline, decode_baseline, encode_baseline
from device_contract.manifest import Feature, Output
from device_contract.sketches import RowSummarizer

X, Y = (Feature(name="x"),), (Output(name="y"),)


def baseline_of(values: object, scores: object = None, features: tuple[Feature, ...] = X) -> Baseline:
    rows = np.asarray(values, np.float32).reshape(-1, 1)
    outputs = np.zeros((len(rows), 1)) if scores is None else np.asarray(scores, np.float64).reshape(-1, 1)
    built = build_baseline(features, Y, rows, outputs)
    assert decode_baseline(encode_baseline(built)) == built
    return built


def test_edges_are_the_minimum_tails_deciles_and_what_follows_the_maximum() -> None:
    values = np.random.default_rng(5).permutation(np.arange(1, 1001)).astype(np.float32)
    stream = baseline_of(values).streams[0]
    after = float(np.nextafter(np.float32(1000), np.float32(2000)))
    assert stream.edges == (1, 5, 100, 200, 300, 400, 500, 600, 700, 800, 900, 995, after)
    assert stream.counts == (0, 4, 95, *[100] * 8, 95, 6, 0)
    assert (stream.rows, stream.missing, stream.minimum, stream.maximum) == (1000, 0, 1.0, 1000.0)
    assert stream.mean == 500.5
    assert stream.standard_deviation == pytest.approx(values.astype(np.float64).std(), rel=1e-12)


@pytest.mark.parametrize("n_rows", [1, 2, 3, 10, 199, 200, 201, 1000])
def test_edges_between_are_the_quantiles_of_the_sample(n_rows: int) -> None:
    values = np.random.default_rng(n_rows).normal(size=n_rows).astype(np.float32)
    inner = np.unique([values.min(), *np.quantile(values, QUANTILES, method="inverted_cdf")])
    assert baseline_of(values).streams[0].edges[:-1] == tuple(inner.tolist())


def test_a_constant_has_one_inner_bin() -> None:
    stream = baseline_of([7.5] * 100).streams[0]
    assert (len(stream.edges), stream.counts) == (2, (0, 100, 0))
    assert (stream.standard_deviation, stream.lag1_correlation) == (0.0, 0.0)


def test_equal_quantiles_are_one_edge() -> None:
    stream = baseline_of([0.0] * 900 + [1.0] * 100).streams[0]
    assert stream.edges[:2] == (0.0, 1.0)
    assert stream.counts == (0, 900, 100, 0)


def test_a_stream_of_nothing_has_a_baseline_too() -> None:
    for values in ([math.nan] * 3, [math.inf, -math.inf, math.nan]):
        stream = baseline_of(values).streams[0]
        assert (stream.edges, stream.counts, stream.rows) == ((0.0,), (0, 0), 0)
        assert stream.missing == sum(map(math.isnan, values))
    assert baseline_of([]).streams[0].rows == 0


def test_missing_rows_break_neighbours_and_are_counted() -> None:
    stream = baseline_of([1.0, -1.0, math.nan, 1.0, -1.0]).streams[0]
    assert (stream.rows, stream.missing) == (4, 1)
    assert stream.lag1_correlation == -1.0


def test_a_category_has_an_edge_between_any_two_values() -> None:
    wind = (Feature(name="wind", kind="category", categories=("n", "e", "s")),)
    stream = baseline_of([0, 0, 1, 2, 2, 2, 3, -1], features=wind).streams[0]
    assert stream.edges == (-0.5, 0.5, 1.5, 2.5)
    assert stream.counts == (1, 2, 1, 3, 1)
    assert (stream.kind, stream.range_minimum, stream.range_maximum) == ("category", 0.0, 2.0)


def test_more_categories_than_bins_share_the_last_one() -> None:
    many = (Feature(name="serial", kind="category", categories=tuple(map(str, range(1000)))),)
    stream = baseline_of(np.arange(1001), features=many).streams[0]
    assert len(stream.edges) == MAX_EDGES
    assert stream.edges[-1] == 999.5
    assert (stream.counts[-2], stream.counts[-1]) == (747, 1)


def test_ranges_come_from_the_schema() -> None:
    plausible = (Feature(name="x", minimum=-1.0, maximum=2.0),)
    features, outputs = baseline_of([0.0], features=plausible).streams
    assert (features.range_minimum, features.range_maximum) == (-1.0, 2.0)
    assert (outputs.range_minimum, outputs.range_maximum) == (None, None)


def test_scores_are_counted_as_float32() -> None:
    stream = baseline_of([0.0] * 3, [0.1, 1e300, 0.3]).streams[1]
    assert stream.minimum == float(np.float32(0.1))
    assert stream.rows == 2


def test_the_largest_float32_has_nothing_after_it() -> None:
    largest = float(np.finfo(np.float32).max)
    assert baseline_of([1.0, largest]).streams[0].edges == (1.0, largest)


@given(
    arrays.arrays(np.float32, st.integers(0, 60), elements=st.floats(width=32)),
    st.lists(st.floats(), min_size=60, max_size=60),
)
def test_a_device_counts_the_same_as_the_compiler(values: np.ndarray, scores: list[float]) -> None:
    baseline = baseline_of(values, scores[: len(values)])
    summarizer = RowSummarizer(baseline)
    for value, score in zip(values, scores, strict=False):
        summarizer.update(array("f", [value]), array("d", [score]))
    for reference, sketch in zip(baseline.streams, summarizer.take().streams, strict=True):
        assert (sketch.counts, sketch.missing, sketch.finite) == (reference.counts, reference.missing, reference.rows)
        if reference.rows:
            assert (sketch.minimum, sketch.maximum) == (reference.minimum, reference.maximum)
            scale = max(abs(reference.minimum), abs(reference.maximum))
            assert sketch.mean == pytest.approx(reference.mean, rel=1e-9, abs=1e-9 * scale)


def test_shapes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="1 features, 1 outputs"):
        build_baseline(X, Y, np.zeros((3, 2), np.float32), np.zeros((3, 1)))
    with pytest.raises(ValueError, match="1 features, 1 outputs"):
        build_baseline(X, Y, np.zeros((3, 1), np.float32), np.zeros((2, 1)))
