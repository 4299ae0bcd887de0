from typing import Any

import numpy as np
import pytest
from sklearn import cross_decomposition, linear_model

from tests.compiler.ir.estimator_plans import assert_agrees, rows_and_classes, rows_and_values, trial_rows

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
REGRESSORS: dict[str, Any] = {
    "consensus": linear_model.RANSACRegressor(random_state=0),
    "median": linear_model.QuantileRegressor(),
    "normal": linear_model.TweedieRegressor(power=0),
    "normal, log link": linear_model.TweedieRegressor(power=0, link="log"),
    "poisson": linear_model.TweedieRegressor(power=1),
    "gamma": linear_model.GammaRegressor(),
}
MULTIPLE_REGRESSORS: dict[str, Any] = {
    "multi-task": linear_model.MultiTaskLasso(),
    "partial least squares": cross_decomposition.PLSRegression(2),
    "canonical": cross_decomposition.PLSCanonical(2),
    "correlation": cross_decomposition.CCA(2),
}
CLASSIFIERS: dict[str, Any] = {
    "huber": linear_model.SGDClassifier(loss="modified_huber", random_state=0),
    "huber, soft": linear_model.SGDClassifier(loss="modified_huber", alpha=10, random_state=0),
    "perceptron": linear_model.Perceptron(),
    "sparse": linear_model.SGDClassifier(penalty="l1", random_state=0),
}


@pytest.mark.parametrize("name", REGRESSORS)
def test_regresses(name: str) -> None:
    rows, values = rows_and_values()
    model = REGRESSORS[name].fit(rows.astype(np.float64), np.exp(values / 5))
    assert_agrees(model, trial_rows()[:40])


@pytest.mark.parametrize("name", MULTIPLE_REGRESSORS)
def test_gives_several_targets(name: str) -> None:
    rows, values = rows_and_values()
    targets = np.stack([values, rows[:, 0] ** 2], axis=1)
    assert_agrees(MULTIPLE_REGRESSORS[name].fit(rows.astype(np.float64), targets), trial_rows())


@pytest.mark.parametrize("name", CLASSIFIERS)
@pytest.mark.parametrize("n_classes", [2, 3])
def test_classifies(name: str, n_classes: int) -> None:
    """Far away all of Huber's probabilities may be 0: all classes are equally probable then."""
    rows, classes = rows_and_classes(n_classes)
    assert_agrees(CLASSIFIERS[name].fit(rows.astype(np.float64), classes), trial_rows())


def test_sparse_coefficients_are_those_of_a_matrix() -> None:
    rows, classes = rows_and_classes()
    model = linear_model.SGDClassifier(penalty="l1", random_state=0).fit(rows.astype(np.float64), classes)
    assert_agrees(model.sparsify(), trial_rows())


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_passive_aggressive_models_that_were_saved_before_they_leave_scikit_learn() -> None:
    rows, classes = rows_and_classes()
    assert_agrees(linear_model.PassiveAggressiveRegressor(random_state=0).fit(rows, classes), trial_rows())
    assert_agrees(linear_model.PassiveAggressiveClassifier(random_state=0).fit(rows, classes), trial_rows())
