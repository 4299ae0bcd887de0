"""The figures of a regression against scikit-learn, and their intervals against the truth."""

import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sklearn.metrics import mean_absolute_error, mean_squared_error, r2_score

from fleet_server.feedback import regression
from fleet_server.feedback.labels import MAX_NUMBER, MAX_WEIGHT, MIN_WEIGHT

Pair = tuple[np.ndarray, np.ndarray]


def made_up(seed: int, rows: int = 500, level: float = 40.0) -> Pair:
    generator = np.random.default_rng(seed)
    labels = level + generator.gamma(2.0, 5.0, rows)
    return labels, labels * 0.9 + generator.standard_t(6, rows)


def sums_of(pair: Pair, pivot: float, weights: np.ndarray | None = None) -> np.ndarray:
    labels, predictions = pair
    return regression.sum_rows(labels, predictions, np.ones(len(labels)) if weights is None else weights, pivot)


@pytest.mark.parametrize("pivot", [0.0, 45.0])
def test_figures_are_scikit_learns(pivot: float) -> None:
    labels, predictions = made_up(1)
    weights = np.random.default_rng(2).uniform(0.5, 2.0, len(labels))
    found = regression.estimates(sums_of((labels, predictions), pivot, weights)[np.newaxis])
    assert found["mean_absolute_error"].value == pytest.approx(
        mean_absolute_error(labels, predictions, sample_weight=weights)
    )
    squared = mean_squared_error(labels, predictions, sample_weight=weights)
    assert found["root_mean_squared_error"].value == pytest.approx(math.sqrt(squared))
    assert found["r_squared"].value == pytest.approx(r2_score(labels, predictions, sample_weight=weights))
    assert found["bias"].value == pytest.approx(np.average(predictions - labels, weights=weights))


def test_parts_merge_to_the_whole() -> None:
    labels, predictions = made_up(3)
    whole = sums_of((labels, predictions), 45.0)
    parts = [sums_of((labels[part], predictions[part]), 45.0) for part in np.array_split(np.arange(500), 7)]
    assert np.sum(parts, axis=0) == pytest.approx(whole)
    assert regression.rows(whole) == 500
    assert np.array_equal(whole + sums_of((labels[:0], predictions[:0]), 45.0), whole)


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    labels, predictions = made_up(4, 400_000)
    truth = regression.estimates(sums_of((labels, predictions), 45.0)[np.newaxis])
    held = dict.fromkeys(truth, 0)
    for part in np.array_split(np.arange(400_000), 1000):
        found = regression.estimates(sums_of((labels[part], predictions[part]), 45.0)[np.newaxis])
        for name, estimate in found.items():
            held[name] += estimate.low <= truth[name].value <= estimate.high
    assert all(920 <= times <= 975 for times in held.values()), held


def test_intervals_of_devices_that_differ_hold_the_truth_too() -> None:
    generator = np.random.default_rng(5)
    held = {"devices": 0, "rows": 0}
    for _ in range(200):
        offsets = generator.normal(0.0, 0.5, 30)
        units = np.stack([device(generator, offset) for offset in offsets])
        for name, told_apart in {"devices": units, "rows": units.sum(axis=0)[np.newaxis]}.items():
            bias = regression.estimates(told_apart)["bias"]
            held[name] += bias.low <= 0.0 <= bias.high
    assert 183 <= held["devices"] <= 198
    assert held["rows"] < 120


def device(generator: np.random.Generator, offset: float) -> np.ndarray:
    labels = generator.standard_normal(60)
    return sums_of((labels, labels + offset + generator.standard_normal(60)), 0.0)


def test_labels_that_are_all_equal_determine_nothing() -> None:
    found = regression.estimates(sums_of((np.full(9, 1e9), np.full(9, 1e9 + 1)), 1e9 - 7)[np.newaxis])
    assert "r_squared" not in found
    assert (found["bias"].value, found["mean_absolute_error"].high) == (1.0, 1.0)


def test_a_perfect_model_and_no_rows() -> None:
    labels = np.arange(5.0)
    assert regression.estimates(sums_of((labels, labels), 0.0)[np.newaxis])["r_squared"].low == 1.0
    assert regression.estimates(np.zeros((1, regression.SIZE))) == {}


BORNE = st.floats(-MAX_NUMBER, MAX_NUMBER)
WEIGHTS = st.floats(MIN_WEIGHT, MAX_WEIGHT)


@given(rows=st.lists(st.tuples(BORNE, BORNE, WEIGHTS), min_size=1, max_size=12), pivot=st.floats(-1e30, 1e30))
@example(rows=[(0.0, 0.0, 1e6), (0.0, 1e6, 1.0)], pivot=0.0)
@example(rows=[(0.0, 0.0, 1e6), (1e-3, 1e6, 1.0)], pivot=0.0)
@example(rows=[(0.0, 1e-170, 1.0), (1.0, 1.0, 1.0)], pivot=0.0)
@example(rows=[(0.0, 1.0, 1e-100), (1.0, 1.0, 1e-100)], pivot=0.0)
def test_whatever_labels_are_taken_every_figure_is_finite(rows: list[tuple[float, float, float]], pivot: float) -> None:
    units = np.stack([regression.sum_rows(*(np.array([part]) for part in row), pivot) for row in rows])
    for apart in (units, units.sum(axis=0)[np.newaxis]):
        for estimate in regression.estimates(apart).values():
            assert np.isfinite([estimate.value, estimate.low, estimate.high]).all()
            assert estimate.low <= estimate.value <= estimate.high
