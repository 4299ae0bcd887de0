"""Shapley values: against the definition, and adding up to the score."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from fleet_server.sampling.boxes import Boxes
from fleet_server.sampling.shapley import Explanation, by_enumeration, of_matrix, of_trees

NAN = np.nan
Rows = NDArray[np.float32]
seeds = st.integers(0, 2**32 - 1)


def by_definition(score: "object", row: Rows, background: Rows) -> NDArray[np.float64]:
    """Average a feature's gain over all orders in which features may join."""
    n = len(row)
    orders = list(permutations(range(n)))
    contributions = 0.0
    for other in background:
        for order in orders:
            mixed, gains = other.copy(), np.zeros((n, np.size(score(other))))  # type: ignore[operator]
            before = score(mixed)  # type: ignore[operator]
            for feature in order:
                mixed[feature] = row[feature]
                after = score(mixed)  # type: ignore[operator]
                gains[feature] = after - before
                before = after
            contributions = contributions + gains
    return contributions / (len(orders) * len(background))


def random_boxes(seed: int, n_features: int, n_leaves: int = 12, n_scores: int = 2) -> Boxes:
    """Make leaves with sides at will; more general than trees, whose leaves do not overlap."""
    random = np.random.default_rng(seed)
    leaf, feature = [], []
    for number in range(n_leaves):
        on_path = random.permutation(n_features)[: random.integers(0, n_features + 1)]
        leaf += [number] * len(on_path)
        feature += on_path.tolist()
    low, high = np.sort(random.integers(-3, 4, (2, len(leaf))).astype(np.float32), axis=0)
    low[random.random(len(leaf)) < 0.3], high[random.random(len(leaf)) < 0.3] = NAN, NAN
    return Boxes(
        base=random.normal(size=n_scores),
        divisor=3.0,
        values=random.normal(size=(n_leaves, n_scores)),
        leaf=np.array(leaf, np.intp),
        feature=np.array(feature, np.intp),
        low=low,
        high=high,
        missing=random.random(len(leaf)) < 0.5,
    )


def random_rows(seed: int, n_features: int, count: int = 4) -> tuple[Rows, Rows]:
    """Make a row and a background on the bounds and between them, with missing values and infinities."""
    values = [-4, -3, -2, -1, 0, 1, 2, 3, 4, NAN, np.inf, -np.inf]
    rows = np.random.default_rng(seed).choice(values, (count + 1, n_features)).astype(np.float32)
    return rows[0], rows[1:]


@given(seed=seeds, n_features=st.integers(1, 5))
def test_of_trees_is_the_definition(seed: int, n_features: int) -> None:
    boxes = random_boxes(seed, n_features)
    row, background = random_rows(seed, n_features)
    found = of_trees(boxes, row, background)
    np.testing.assert_allclose(found.contributions, by_definition(boxes.score, row, background), atol=1e-12)
    assert_adds_up(found, boxes.score(row))


@given(seed=seeds, n_features=st.integers(1, 5))
def test_enumeration_is_the_definition(seed: int, n_features: int) -> None:
    boxes = random_boxes(seed, n_features)
    row, background = random_rows(seed, n_features)
    found = by_enumeration(lambda rows: np.array([boxes.score(each) for each in rows]), row, background)
    np.testing.assert_allclose(found.contributions, by_definition(boxes.score, row, background), atol=1e-12)
    assert_adds_up(found, boxes.score(row))


@given(seed=seeds, n_features=st.integers(1, 5))
def test_of_a_matrix_is_the_definition(seed: int, n_features: int) -> None:
    random = np.random.default_rng(seed)
    weights, base = random.normal(size=(2, n_features)), random.normal(size=2)
    row, background = random.normal(size=n_features).astype("f"), random.normal(size=(5, n_features)).astype("f")
    found = of_matrix(weights, base, row, background)
    expected = by_definition(lambda each: base + weights @ each.astype(float), row, background)
    np.testing.assert_allclose(found.contributions, expected, atol=1e-12)
    assert_adds_up(found, base + weights @ row.astype(float))


def test_the_background_is_cut_where_coalitions_are_many() -> None:
    row, background = np.ones(15, "f"), np.zeros((100, 15), "f")
    found = by_enumeration(lambda rows: rows[:, :1] * rows[:, 1:2].astype(float), row, background)
    assert found.background_rows == 32
    np.testing.assert_allclose(found.contributions[:3, 0], [0.5, 0.5, 0.0], atol=1e-12)


@pytest.mark.parametrize("n_scores", [1, 3])
def test_a_leaf_without_a_split_is_expected_and_adds_nothing(n_scores: int) -> None:
    boxes = random_boxes(0, 0, n_leaves=2, n_scores=n_scores)
    found = of_trees(boxes, np.zeros(3, "f"), np.ones((2, 3), "f"))
    assert not found.contributions.any()
    np.testing.assert_allclose(found.expected, boxes.base + boxes.values.sum(axis=0) / 3.0)


def assert_adds_up(found: Explanation, score: NDArray[np.float64]) -> None:
    np.testing.assert_allclose(found.expected + found.contributions.sum(axis=0), score, atol=1e-10)
