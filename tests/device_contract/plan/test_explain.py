"""What a plan holds to explain scores by, on plans by hand."""

import math
from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device_contract.errors import PlanError, RowError
from device_contract.plan.scorer import PlanScorer
from tests.device_contract.plan.plans import PLANS

values = st.floats(-30, 30, width=32) | st.just(math.nan)


def explain(name: str, row: list[float]) -> list[tuple[float, ...]]:
    """Return a line for each of the two features, and the expected scores."""
    scorer = PlanScorer(PLANS[name])
    width = scorer.n_explained
    out = array("d", bytes(8 * 3 * width))
    scorer.explain_into(array("f", row), out)
    return [tuple(out[width * i : width * (i + 1)]) for i in range(3)]


def step(index: int, row: list[float]) -> float:
    """Return what a stump's leaf adds to its root."""
    value = row[index % 2]
    goes_left = index % 2 == 0 if math.isnan(value) else value <= index
    return -3.0 if goes_left else 6.0


@pytest.mark.parametrize(("name", "n_trees"), [("trees-explained", 11), ("trees-wide-explained", 3)])
@given(row=st.lists(values, min_size=2, max_size=2))
def test_a_feature_gets_the_steps_of_its_splits(name: str, n_trees: int, row: list[float]) -> None:
    lines = explain(name, row)
    for feature in range(2):
        assert lines[feature] == (sum(step(i, row) for i in range(feature, n_trees, 2)) / 2,)
    assert lines[2] == ((0.5 + 4.0 * n_trees) / 2,)


def test_a_weight_counts_from_the_reference() -> None:
    assert explain("linear-explained", [1.25, 0.5]) == [(1.0, 2.0), (-1.0, -1.0), (0.25, -0.5)]


def test_a_batch_is_the_rows_one_by_one() -> None:
    scorer = PlanScorer(PLANS["linear-explained"])
    out = array("d", bytes(8 * 3 * 6))
    scorer.explain_batch_into(array("f", [1.25, 0.5, math.nan, 0.0, 3.0, 4.0]), 3, out)
    lines = [tuple(out[2 * i : 2 * i + 2]) for i in range(9)]
    assert lines[:3] == explain("linear-explained", [1.25, 0.5])
    assert all(math.isnan(value) for line in lines[3:6] for value in line)
    assert lines[6:] == explain("linear-explained", [3.0, 4.0])


def test_a_batch_of_another_size_than_its_rows_is_refused() -> None:
    scorer = PlanScorer(PLANS["trees-explained"])
    with pytest.raises(RowError, match="rows has 4 values, not 3 rows of 2"):
        scorer.explain_batch_into(array("f", [0.0] * 4), 3, array("d", [0.0] * 9))
    with pytest.raises(RowError, match="out has 5 values, not 2 rows of 3"):
        scorer.explain_batch_into(array("f", [0.0] * 4), 2, array("d", [0.0] * 5))
    with pytest.raises(PlanError, match="compile the model with --explain"):
        PlanScorer(PLANS["trees"]).explain_batch_into(array("f", [0.0] * 4), 2, array("d", [0.0] * 6))


def test_other_plans_tell_that_they_hold_nothing() -> None:
    assert {name for name in PLANS if PlanScorer(PLANS[name]).n_explained} == {
        "linear-explained",
        "trees-explained",
        "trees-wide-explained",
    }
