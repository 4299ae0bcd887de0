import numpy as np
import pytest
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis

from tests.compiler.ir.estimator_plans import (
    assert_agrees,
    assert_method_agrees,
    assert_refuses_missing_values,
    rows_and_classes,
    trial_rows,
)

LABELS = np.array(["low", "middle", "high"])
MODELS = {
    "svd": LinearDiscriminantAnalysis(),
    "shrunk": LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto"),
    "eigen": LinearDiscriminantAnalysis(solver="eigen"),
    "quadratic": QuadraticDiscriminantAnalysis(),
    "quadratic, regularised": QuadraticDiscriminantAnalysis(reg_param=0.1),
}


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("n_classes", [2, 3])
def test_classifies(name: str, n_classes: int) -> None:
    rows, classes = rows_and_classes(n_classes)
    model = MODELS[name].fit(rows.astype(np.float64), LABELS[classes])
    assert_agrees(model, trial_rows())
    assert_method_agrees(model, "decision_function", trial_rows())


@pytest.mark.parametrize("solver", ["svd", "eigen"])
@pytest.mark.parametrize("n_components", [None, 1])
def test_projects(solver: str, n_components: int | None) -> None:
    rows, classes = rows_and_classes()
    model = LinearDiscriminantAnalysis(solver=solver, n_components=n_components)
    assert_method_agrees(model.fit(rows.astype(np.float64), classes), "transform", trial_rows())


@pytest.mark.parametrize("name", ["svd", "quadratic"])
def test_refuses_missing_values(name: str) -> None:
    rows, classes = rows_and_classes()
    assert_refuses_missing_values(MODELS[name].fit(rows.astype(np.float64), classes))
