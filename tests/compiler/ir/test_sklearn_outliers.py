import numpy as np
from sklearn.covariance import EllipticEnvelope
from sklearn.linear_model import SGDOneClassSVM

from tests.compiler.ir.estimator_plans import assert_agrees, assert_refuses_missing_values, rows_and_classes, trial_rows


def test_an_envelope_tells_how_far_inside_a_row_is() -> None:
    model = EllipticEnvelope(random_state=0).fit(rows_and_classes()[0].astype(np.float64))
    assert_agrees(model, trial_rows())
    assert_refuses_missing_values(model)


def test_one_class_by_gradient_descent() -> None:
    model = SGDOneClassSVM(random_state=0).fit(rows_and_classes()[0].astype(np.float64))
    assert_agrees(model, trial_rows())
    assert_refuses_missing_values(model)
