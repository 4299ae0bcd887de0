import array
from functools import cache

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from compiler.backends.plan import emit
from compiler.ir.lowering import lower_estimator
from compiler.ir.nodes import TreeEnsemble
from device_contract.plan.scorer import PlanScorer
from tests.compiler.ir.sklearn_models import CASES, N_FEATURES, fitted, rows_at_thresholds, takes_missing, truth

TREES = [name for name in CASES if isinstance(lower_estimator(fitted(name)).output, TreeEnsemble)]
"""Cases that end in a sum or mean of leaves: equal to the last bit."""
FINITE = {"allow_nan": False, "allow_infinity": False, "min_value": -1e6, "max_value": 1e6}


@cache
def scorer_of(name: str) -> PlanScorer:
    return PlanScorer(emit(lower_estimator(fitted(name))))


def scores_of(name: str, rows: NDArray[np.float32]) -> NDArray[np.float64]:
    scorer = scorer_of(name)
    scores = np.empty((len(rows), scorer.n_outputs))
    scorer.score_batch(np.ascontiguousarray(rows), len(rows), scores)
    return scores


def assert_agrees(name: str, rows: NDArray[np.float32]) -> None:
    scores, right = scores_of(name, rows), truth(fitted(name), rows)
    if name in TREES:
        np.testing.assert_array_equal(scores, right)
    else:
        # Sums in another order than BLAS, exp() of another library: a few last bits of the largest term.
        magnitude = max(1.0, float(np.abs(rows[np.isfinite(rows)]).max(initial=0.0)))
        np.testing.assert_allclose(scores, right, rtol=1e-9, atol=1e-12 * magnitude)


@pytest.mark.parametrize("name", CASES)
def test_equals_scikit_learn_at_and_beside_every_threshold(name: str) -> None:
    rows = rows_at_thresholds(name)
    assert_agrees(name, rows)
    if hasattr(fitted(name), "classes_"):
        labels = fitted(name).classes_[scores_of(name, rows).argmax(axis=1)]
        np.testing.assert_array_equal(labels, fitted(name).predict(rows.astype(np.float64)))


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
@settings(max_examples=12, suppress_health_check=list(HealthCheck))
@given(rows=arrays(np.float32, st.tuples(st.integers(1, 8), st.just(N_FEATURES)), elements=FINITE))
def test_equals_scikit_learn_on_any_rows(name: str, rows: NDArray[np.float32]) -> None:
    assert_agrees(name, rows)


@pytest.mark.parametrize("name", [name for name in CASES if takes_missing(name)])
def test_sends_missing_values_where_scikit_learn_does(name: str) -> None:
    rows = rows_at_thresholds(name)
    rows[np.random.default_rng(2).random(rows.shape) < 0.3] = np.nan
    rows[0] = np.nan
    assert_agrees(name, rows)


@pytest.mark.parametrize("name", [name for name in CASES if not takes_missing(name)])
def test_a_missing_value_that_the_model_does_not_take_gives_nan(name: str) -> None:
    rows = np.ones((N_FEATURES, N_FEATURES), np.float32)
    np.fill_diagonal(rows, np.nan)
    assert np.isnan(scores_of(name, rows)).all()


@pytest.mark.parametrize("name", TREES)
@pytest.mark.parametrize("sign", [-1, 1])
def test_an_infinity_goes_the_way_of_the_largest_number(name: str, sign: int) -> None:
    """scikit-learn refuses infinities in most models; none lies between them and its thresholds."""
    infinite = np.full((1, N_FEATURES), sign * np.inf, np.float32)
    largest = np.full((1, N_FEATURES), sign * 1e30, np.float32)
    np.testing.assert_array_equal(scores_of(name, infinite), scores_of(name, largest))


@pytest.mark.parametrize("name", CASES)
def test_one_row_equals_a_batch(name: str) -> None:
    rows = rows_at_thresholds(name)[:20]
    scorer = scorer_of(name)
    for row, expected in zip(rows, scores_of(name, rows), strict=True):
        for given_row in (row, array.array("f", row), row.tolist(), tuple(row.tolist())):
            assert np.array_equal(np.atleast_1d(scorer.score(given_row)), expected)


def test_the_same_model_gives_the_same_bytes() -> None:
    name = "random forest classifier, 3 classes"
    assert emit(lower_estimator(fitted(name))) == emit(lower_estimator(fitted.__wrapped__(name)))
