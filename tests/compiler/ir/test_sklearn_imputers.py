"""Imputers and the indicator of what is missing."""

from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.experimental import enable_iterative_imputer  # noqa: F401  (makes it importable)
from sklearn.impute import IterativeImputer, MissingIndicator, SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PowerTransformer
from sklearn.tree import DecisionTreeRegressor

from compiler.frontends.sklearn import SklearnModel
from tests.compiler.ir.edge_rows import assert_same, numbers, with_holes
from tests.compiler.ir.estimator_plans import plan_scores

HOLED = with_holes(numbers(4))
TARGET = np.where(HOLED[:, 3] > 0, "high", "low")

IMPUTERS = {
    "mean": SimpleImputer(),
    "median": SimpleImputer(strategy="median"),
    "most frequent": SimpleImputer(strategy="most_frequent"),
    "constant": SimpleImputer(strategy="constant", fill_value=-7.0),
    "with indicator": SimpleImputer(add_indicator=True),
    "indicator": MissingIndicator(error_on_new=False),
    "indicator of all": MissingIndicator(features="all"),
    "iterative": IterativeImputer(max_iter=3, tol=1.0),
    "iterative, bounded": IterativeImputer(max_iter=2, tol=1.0, min_value=-0.5, max_value=0.5, add_indicator=True),
    "iterative, by trees": IterativeImputer(DecisionTreeRegressor(max_depth=3), max_iter=2, tol=9.0, random_state=0),
}


@pytest.mark.parametrize("name", IMPUTERS)
def test_replaces_what_is_missing(name: str) -> None:
    assert_same(IMPUTERS[name].fit(HOLED), HOLED)


def test_a_number_may_stand_for_missing() -> None:
    rows = np.where(np.isnan(HOLED), -9.0, HOLED)
    model = SimpleImputer(missing_values=-9.0, strategy="median", add_indicator=True).fit(rows)
    assert_same(model, rows)
    assert np.isnan(plan_scores(SklearnModel(model).to_graph(), HOLED[:20].astype(np.float32))).any(axis=1).any()


def test_features_without_any_value_are_left_out() -> None:
    rows = HOLED.copy()
    rows[:, 1] = np.nan
    assert_same(SimpleImputer().fit(rows), rows)
    assert_same(SimpleImputer(keep_empty_features=True).fit(rows), rows)


def test_an_indicator_refuses_what_was_never_missing() -> None:
    model = MissingIndicator().fit(HOLED)
    rows = np.full((1, 4), np.nan, np.float32)
    assert np.isnan(plan_scores(SklearnModel(model).to_graph(), rows)).all()


@pytest.mark.parametrize(
    "model",
    [
        make_pipeline(SimpleImputer(), LogisticRegression()),
        make_pipeline(PowerTransformer(), HistGradientBoostingRegressor(max_iter=4)),
    ],
)
def test_what_comes_after_sees_what_scikit_learn_s_does(model: Any) -> None:
    target = TARGET if hasattr(model, "predict_proba") else HOLED[:, 3]
    assert_same(model.fit(HOLED, target), HOLED)
