import numpy as np
import pytest
from sklearn.mixture import BayesianGaussianMixture, GaussianMixture
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tests.compiler.ir.estimator_plans import (
    assert_agrees,
    assert_method_agrees,
    assert_refuses_missing_values,
    rows_and_classes,
    trial_rows,
)

COVARIANCES = ("full", "tied", "diag", "spherical")
KINDS = (GaussianMixture, BayesianGaussianMixture)


@pytest.mark.parametrize("covariance", COVARIANCES)
@pytest.mark.parametrize("kind", KINDS)
def test_tells_how_likely_a_row_is(kind: type, covariance: str) -> None:
    model = kind(n_components=3, covariance_type=covariance, max_iter=500, random_state=0)
    model.fit(rows_and_classes()[0].astype(np.float64))
    assert_agrees(model, trial_rows())
    for method in ("predict", "predict_proba", "score_samples"):
        assert_method_agrees(model, method, trial_rows())


def test_tells_it_behind_a_scaler() -> None:
    model = make_pipeline(StandardScaler(), GaussianMixture(2, random_state=0))
    assert_agrees(model.fit(rows_and_classes()[0].astype(np.float64)), trial_rows())


def test_refuses_missing_values() -> None:
    model = GaussianMixture(2, random_state=0).fit(rows_and_classes()[0].astype(np.float64))
    assert_refuses_missing_values(model)
