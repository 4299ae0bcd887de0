"""What a plan holds to explain scores by, on plans by hand."""

import math
from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

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


def test_other_plans_tell_that_they_hold_nothing() -> None:
    assert {name for name in PLANS if PlanScorer(PLANS[name]).n_explained} == {
        "linear-explained",
        "trees-explained",
        "trees-wide-explained",
    }
