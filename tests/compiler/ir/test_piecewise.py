"""Laws of piecewise polynomials and of the weighted median, on any numbers."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from compiler.ir.nodes import Graph, Node, Row
from compiler.ir.piecewise import broken_lines, matches, ranks, steps
from compiler.ir.weighted_median import WeightedMedian
from tests.compiler.ir.estimator_plans import plan_scores

ROW = Row(1)
ANY = st.floats(-1e6, 1e6, width=32) | st.sampled_from([0.0, -0.0, 1e-45, -1e-45])
KNOTS = st.lists(ANY, min_size=1, max_size=8).map(lambda values: np.sort(np.array(values)))


def scores(node: Node, values: NDArray[np.float64]) -> NDArray[np.float64]:
    rows = values.astype(np.float32).reshape(-1, 1)
    return plan_scores(Graph(ROW, node), rows)[:, 0]


def around(knots: NDArray[np.float64], others: list[float]) -> NDArray[np.float64]:
    at = knots.astype(np.float32)
    above, below = np.nextafter(at, np.float32(np.inf)), np.nextafter(at, np.float32(-np.inf))
    return np.concatenate([at, above, below, np.array(others, np.float32)]).astype(np.float64)


@settings(max_examples=60)
@given(knots=KNOTS, others=st.lists(ANY, max_size=5))
def test_steps_and_ranks_count_knots(knots: NDArray[np.float64], others: list[float]) -> None:
    values = around(knots, others)
    levels = np.arange(len(knots) + 1)
    np.testing.assert_array_equal(
        scores(steps(ROW, [knots], [levels]), values), np.searchsorted(knots, values, side="right")
    )
    np.testing.assert_array_equal(scores(ranks(ROW, [knots]), values), np.searchsorted(knots, values, side="left"))


@settings(max_examples=60)
@given(knots=KNOTS, others=st.lists(ANY, max_size=5), data=st.data())
def test_broken_lines_are_numpy_s(knots: NDArray[np.float64], others: list[float], data: st.DataObject) -> None:
    levels = np.array(data.draw(st.lists(ANY, min_size=len(knots), max_size=len(knots))))
    values = around(knots, others)
    expected = np.interp(values, knots, levels)
    # Between denormal knots a slope may be infinite, and numpy answers with what it has left.
    if np.isfinite((levels[1:] - levels[:-1]) / np.where(knots[1:] > knots[:-1], knots[1:] - knots[:-1], 1)).all():
        np.testing.assert_allclose(
            scores(broken_lines(ROW, [knots], [levels]), values), expected, rtol=1e-12, atol=1e-9
        )


@settings(max_examples=60)
@given(keys=st.lists(ANY, min_size=1, max_size=8, unique=True), others=st.lists(ANY, max_size=5))
def test_keys_stand_for_numbers(keys: list[float], others: list[float]) -> None:
    table = dict(zip(keys, range(len(keys)), strict=True))
    known, numbers = np.array(list(table)), np.arange(float(len(table)))
    values = around(known, others)
    node = matches(ROW, [known], [numbers], np.array([-1.0]), np.array([-2.0]))
    np.testing.assert_array_equal(scores(node, values), [table.get(value, -1.0) for value in values.tolist()])
    assert scores(node, np.array([np.nan])).tolist() == [-2.0]


@settings(max_examples=60)
@given(
    values=st.lists(st.sampled_from([-1.5, 0.0, 2.0, 3.25, 1e9]) | ANY, min_size=1, max_size=9),
    seed=st.integers(0, 99),
)
def test_the_weighted_median_halves_the_weights(values: list[float], seed: int) -> None:
    weights = np.random.default_rng(seed).integers(1, 9, len(values)).astype(np.float64)
    row = Row(len(values))
    given_row = np.array([values], np.float32)
    (median,) = plan_scores(Graph(row, WeightedMedian(row, weights)), given_row)[0]
    exact = given_row[0].astype(np.float64)
    assert median in exact
    assert weights[exact <= median].sum() >= weights.sum() / 2 > weights[exact < median].sum()


def test_a_median_with_a_missing_number_is_missing() -> None:
    row = Row(3)
    rows = np.array([[1, np.nan, 2]], np.float32)
    assert np.isnan(plan_scores(Graph(row, WeightedMedian(row, np.ones(3))), rows)).all()
