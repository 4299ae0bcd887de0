"""Ensembles that are more than a sum of leaves: held to scikit-learn on the sample and at their edges."""

from typing import Any

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.ensemble import (
    AdaBoostClassifier,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    IsolationForest,
    RandomTreesEmbedding,
)
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.tree import DecisionTreeClassifier

from compiler import compile_model

_rng = np.random.default_rng(4)
ROWS = _rng.normal(size=(200, 4)).astype(np.float32)
MISSING = np.where(_rng.random(ROWS.shape) < 0.1, np.float32(np.nan), ROWS)
CATEGORICAL = ROWS.copy()
CATEGORICAL[:, 1], CATEGORICAL[:, 3] = _rng.integers(9, size=200), 5 * _rng.integers(-3, 20, size=200)
CATEGORICAL = np.where(np.isnan(MISSING), np.float32(np.nan), CATEGORICAL)
VALUE = ROWS[:, 0] + ROWS[:, 1] * ROWS[:, 2]
THREE = np.array(["low", "middle", "high"])[(VALUE > -0.5).astype(int) + (VALUE > 0.5)]

CASES: dict[str, tuple[Any, Any, Any]] = {
    "isolation forest": (IsolationForest(n_estimators=7, random_state=0), ROWS, VALUE),
    "isolation forest, missing values": (IsolationForest(n_estimators=7, random_state=0), MISSING, VALUE),
    "isolation forest, few features": (
        IsolationForest(n_estimators=7, max_features=2, max_samples=2, random_state=0),
        ROWS,
        VALUE,
    ),
    "isolation forest, one feature a tree": (
        IsolationForest(n_estimators=7, max_features=1, random_state=0),
        ROWS,
        VALUE,
    ),
    "adaboost": (AdaBoostClassifier(n_estimators=6, random_state=0), ROWS, VALUE > 0),
    "adaboost, three classes": (
        AdaBoostClassifier(DecisionTreeClassifier(max_depth=2), n_estimators=6, random_state=0),
        ROWS,
        THREE,
    ),
    "embedding": (RandomTreesEmbedding(n_estimators=4, max_depth=3, random_state=0), ROWS, VALUE),
    "boosting from an estimator": (GradientBoostingRegressor(n_estimators=4, init=Ridge()), ROWS, VALUE),
    "boosting from a classifier": (
        GradientBoostingClassifier(n_estimators=4, init=LogisticRegression(), loss="exponential"),
        ROWS,
        VALUE > 0,
    ),
    "boosting from a classifier, three classes": (
        GradientBoostingClassifier(n_estimators=4, init=LogisticRegression()),
        ROWS,
        THREE,
    ),
    "histogram boosting over categories": (
        HistGradientBoostingRegressor(max_iter=5, categorical_features=[1, 3]),
        CATEGORICAL,
        VALUE + np.nan_to_num(CATEGORICAL[:, 1]) % 3,
    ),
    "histogram boosting over categories, three classes": (
        HistGradientBoostingClassifier(max_iter=3, categorical_features=[1, 3]),
        CATEGORICAL,
        THREE,
    ),
    "histogram boosting over computed numbers": (
        make_pipeline(PCA(3), HistGradientBoostingRegressor(max_iter=5)),
        ROWS,
        VALUE,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_parity(name: str) -> None:
    model, rows, target = CASES[name]
    (plan,) = compile_model(model.fit(rows.astype(float), target), rows, name="pump", version="1", kind="plan").parity
    # What boosting starts from is computed in float32 by scikit-learn.
    assert plan.max_difference < (1e-6 if "boosting from" in name else 1e-12)
    assert plan.edge_rows >= 20
