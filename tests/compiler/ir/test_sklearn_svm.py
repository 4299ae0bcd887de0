import warnings
from typing import Any

import numpy as np
import pytest
from sklearn import svm
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from compiler.errors import UnsupportedModelError
from compiler.ir.lowering import lower_estimator
from tests.compiler.ir.estimator_plans import (
    assert_agrees,
    assert_refuses_missing_values,
    plan_scores,
    rows_and_classes,
    rows_and_values,
    trial_rows,
)

KERNELS = ("linear", "rbf", "poly", "sigmoid")
LABELS = np.array(["low", "middle", "high", "top"])


def fitted(model: Any, n_classes: int = 3) -> Any:
    rows, classes = rows_and_classes(n_classes)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # `probability` will leave scikit-learn; old models keep it
        return model.fit(rows.astype(np.float64), LABELS[classes])


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("n_classes", [2, 3, 4])
@pytest.mark.parametrize("probability", [False, True])
def test_classifies(kernel: str, n_classes: int, probability: bool) -> None:  # noqa: FBT001
    model = svm.SVC(kernel=kernel, probability=probability, coef0=0.5, random_state=0)
    assert_agrees(fitted(model, n_classes), trial_rows())


@pytest.mark.parametrize("kernel", KERNELS)
def test_classifies_with_nu(kernel: str) -> None:
    assert_agrees(fitted(svm.NuSVC(kernel=kernel, nu=0.2)), trial_rows())


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("kind", [svm.SVR, svm.NuSVR])
def test_regresses(kernel: str, kind: type) -> None:
    rows, values = rows_and_values()
    assert_agrees(kind(kernel=kernel, degree=5).fit(rows.astype(np.float64), values), trial_rows())


@pytest.mark.parametrize("kernel", KERNELS)
def test_regresses_a_constant_which_needs_no_support_vectors(kernel: str) -> None:
    rows, values = rows_and_values()
    model = svm.SVR(kernel=kernel).fit(rows.astype(np.float64), np.full(len(values), 2.5))
    assert not len(model.support_vectors_)
    assert_agrees(model, trial_rows())


@pytest.mark.parametrize("kernel", KERNELS)
def test_tells_outliers(kernel: str) -> None:
    rows, _ = rows_and_values()
    assert_agrees(svm.OneClassSVM(kernel=kernel).fit(rows.astype(np.float64)), trial_rows())


def test_gives_a_score_for_each_class_whatever_the_shape_of_its_decisions() -> None:
    """One against one, there would be one for each pair."""
    pairs, classes = (
        fitted(make_pipeline(StandardScaler(), svm.SVC(decision_function_shape=shape)), 4) for shape in ("ovo", "ovr")
    )
    assert_agrees(pairs, trial_rows())
    np.testing.assert_array_equal(
        plan_scores(lower_estimator(pairs), trial_rows()), plan_scores(lower_estimator(classes), trial_rows())
    )


def test_refuses_missing_values() -> None:
    assert_refuses_missing_values(fitted(svm.SVC()))


def test_a_kernel_of_its_own_is_told() -> None:
    rows, classes = rows_and_classes()
    model = svm.SVC(kernel=lambda left, right: left @ right.T).fit(rows.astype(np.float64), classes)
    with pytest.raises(UnsupportedModelError, match="SVC with a kernel of its own"):
        lower_estimator(model)
