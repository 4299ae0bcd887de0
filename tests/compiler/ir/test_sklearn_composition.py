"""Estimators that hand their input on: pipelines, unions, column transformers, selection, searches, targets."""

from typing import Any

import numpy as np
import pytest
from sklearn import compose, decomposition, ensemble, feature_selection, frozen, linear_model, model_selection
from sklearn import preprocessing as scaling
from sklearn.impute import SimpleImputer
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.semi_supervised import SelfTrainingClassifier

from tests.compiler.ir.edge_rows import assert_same, beside, numbers, with_holes

ROWS = numbers(4)
HOLED = with_holes(ROWS)
LABELS = np.where(ROWS[:, 3] + 0.5 * ROWS[:, 1] > 0, "high", "low")
VALUES = np.exp(0.3 * ROWS[:, 0] + 0.1 * ROWS[:, 2])
EDGES = beside(ROWS, [[0.0, 0.5]] * 4)
LOGISTIC = linear_model.LogisticRegression()
SCALER = scaling.StandardScaler()

TRANSFORMERS = {
    "union": FeatureUnion(
        [("a", decomposition.PCA(2)), ("b", "passthrough"), ("c", "drop")], transformer_weights={"a": 2}
    ),
    "columns": compose.ColumnTransformer(
        [("a", SCALER, [2, 0]), ("b", "drop", [1]), ("c", decomposition.PCA(), [])],
        remainder="passthrough",
        transformer_weights={"a": 3.0},
    ),
    "slices and masks": compose.ColumnTransformer(
        [("a", SCALER, slice(0, 2)), ("b", scaling.MinMaxScaler(), np.array([False, False, True, False]))],
        remainder=scaling.Normalizer(),
    ),
    "columns of columns": make_pipeline(
        compose.ColumnTransformer([("a", FeatureUnion([("b", SCALER), ("c", "passthrough")]), [3, 1])]), SCALER
    ),
    "some steps do nothing": Pipeline([("a", SCALER), ("b", "passthrough"), ("c", None)]),
}


@pytest.mark.parametrize("name", TRANSFORMERS)
def test_side_by_side_and_one_after_the_other(name: str) -> None:
    assert_same(TRANSFORMERS[name].fit(ROWS), EDGES)


SELECTORS = {
    "best": feature_selection.SelectKBest(k=2),
    "percentile": feature_selection.SelectPercentile(percentile=50),
    "univariate": feature_selection.GenericUnivariateSelect(mode="k_best", param=2),
    "from a model": feature_selection.SelectFromModel(LOGISTIC),
    "variance": feature_selection.VarianceThreshold(0.9),
    "sequential": feature_selection.SequentialFeatureSelector(LOGISTIC, n_features_to_select=2, cv=2),
}


@pytest.mark.parametrize("name", SELECTORS)
def test_selected_features(name: str) -> None:
    assert_same(SELECTORS[name].fit(ROWS, LABELS), EDGES, tolerance=0)


WRAPPED = {
    "elimination": feature_selection.RFE(LOGISTIC, n_features_to_select=2),
    "search": model_selection.GridSearchCV(make_pipeline(SCALER, LOGISTIC), {"logisticregression__C": [0.1, 1]}, cv=2),
    "self-trained": SelfTrainingClassifier(LOGISTIC),
    "frozen": frozen.FrozenEstimator(linear_model.LogisticRegression().fit(ROWS, LABELS)),
}


@pytest.mark.parametrize("name", WRAPPED)
def test_estimators_around_another(name: str) -> None:
    # A self-trained classifier is given some rows without a label, -1.
    target = np.where(ROWS[:, 0] > 1, -1, LABELS == "low") if name == "self-trained" else LABELS
    assert_same(WRAPPED[name].fit(ROWS, target), EDGES)


@pytest.mark.parametrize(
    "transformer",
    [
        None,
        scaling.StandardScaler(),
        scaling.MinMaxScaler(),
        scaling.MaxAbsScaler(),
        scaling.RobustScaler(),
        scaling.PowerTransformer(),
        scaling.PowerTransformer("box-cox"),
        scaling.QuantileTransformer(n_quantiles=20),
        scaling.FunctionTransformer(np.log1p, np.expm1),
        make_pipeline(scaling.FunctionTransformer(np.log, np.exp), scaling.StandardScaler()),
    ],
    ids=str,
)
def test_targets_that_were_transformed(transformer: Any) -> None:
    model = compose.TransformedTargetRegressor(linear_model.Ridge(), transformer=transformer)
    assert_same(model.fit(ROWS, VALUES), EDGES[:240])


def test_an_imputer_of_some_columns_takes_their_missing_values_only() -> None:
    some = compose.ColumnTransformer([("filled", SimpleImputer(), [0, 1]), ("kept", "passthrough", [2, 3])])
    model = make_pipeline(some, ensemble.HistGradientBoostingRegressor(max_iter=4)).fit(HOLED, VALUES)
    assert_same(model, HOLED)


@pytest.mark.parametrize(
    "step", [decomposition.PCA(2), scaling.PolynomialFeatures(2), scaling.PowerTransformer()], ids=str
)
def test_trees_compare_computed_numbers_as_float64_does(step: Any) -> None:
    target = LABELS
    model = make_pipeline(step, ensemble.HistGradientBoostingClassifier(max_iter=5)).fit(ROWS, target)
    assert_same(model, EDGES)
