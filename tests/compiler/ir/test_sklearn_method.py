from typing import Any

import pytest
from sklearn import cluster, decomposition, ensemble, linear_model, mixture, neighbors, svm
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from compiler.errors import UnsupportedModelError
from compiler.ir.sklearn_method import output_method

METHODS: tuple[tuple[Any, str], ...] = (
    (linear_model.LogisticRegression(), "predict_proba"),
    (svm.LinearSVC(), "decision_function"),
    (linear_model.Ridge(), "predict"),
    (cluster.KMeans(), "predict"),
    (make_pipeline(StandardScaler(), cluster.KMeans()), "predict"),
    (cluster.FeatureAgglomeration(), "transform"),
    (mixture.GaussianMixture(), "score_samples"),
    (neighbors.KernelDensity(), "score_samples"),
    (ensemble.IsolationForest(), "decision_function"),
    (decomposition.PCA(), "transform"),
)


@pytest.mark.parametrize(("estimator", "method"), METHODS)
def test_a_models_numbers_are_those_of(estimator: Any, method: str) -> None:
    assert output_method(estimator) == method


def test_what_gives_no_numbers_is_told() -> None:
    with pytest.raises(UnsupportedModelError, match="DBSCAN neither predicts nor transforms"):
        output_method(cluster.DBSCAN())
