"""Small boosters, one of each kind that a plan can express, and the rows that they are trained on."""

from functools import cache, partial
from typing import Any

import lightgbm
import numpy as np
import xgboost
from numpy.typing import NDArray
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

N_ROWS = 300
CATEGORIES = (0, 3)
_LIGHTGBM = {"n_estimators": 4, "num_leaves": 7, "min_child_samples": 5, "n_jobs": 1, "verbose": -1, "random_state": 0}
_XGBOOST = {"n_estimators": 4, "max_depth": 3, "n_jobs": 1, "random_state": 0}

_rng = np.random.default_rng(5)
ROWS: NDArray[np.float32] = _rng.normal(size=(N_ROWS, 5)).astype(np.float32)
ROWS[:, 4] = np.where(_rng.random(N_ROWS) < 0.3, 0, ROWS[:, 4])
MISSING = np.where(_rng.random(ROWS.shape) < 0.1, np.float32(np.nan), ROWS)
CATEGORICAL = ROWS.copy()
CATEGORICAL[:, 0], CATEGORICAL[:, 3] = _rng.integers(9, size=N_ROWS), _rng.integers(60, size=N_ROWS)
VALUE = np.abs(ROWS[:, 0] + ROWS[:, 1] * ROWS[:, 2]) + 0.1
STEPPED = VALUE + 3 * (CATEGORICAL[:, 0] % 3) + 2 * (CATEGORICAL[:, 3] % 7 == 2)
BINARY = (VALUE > 1).astype(int)
THREE = BINARY + (VALUE > 2)
LABELS = np.array(["low", "middle", "high"])[THREE]

_lightgbm_value = partial(lightgbm.LGBMRegressor, **_LIGHTGBM)
_lightgbm_class = partial(lightgbm.LGBMClassifier, **_LIGHTGBM)
_xgboost_value = partial(xgboost.XGBRegressor, **_XGBOOST)
_xgboost_class = partial(xgboost.XGBClassifier, **_XGBOOST)

LIGHTGBM: dict[str, tuple[Any, NDArray[np.float32], NDArray[Any]]] = {
    **{
        objective: (_lightgbm_value(objective=objective), MISSING, VALUE)
        for objective in ("regression", "poisson", "gamma", "tweedie", "huber", "quantile", "mape", "fair")
    },
    **{
        objective: (_lightgbm_value(objective=objective), MISSING, VALUE / VALUE.max())
        for objective in ("cross_entropy", "cross_entropy_lambda")
    },
    "square roots": (_lightgbm_value(reg_sqrt=True), ROWS, VALUE),
    "random forest": (_lightgbm_value(boosting_type="rf", bagging_freq=1, bagging_fraction=0.5), ROWS, VALUE),
    "dart": (_lightgbm_value(boosting_type="dart"), ROWS, VALUE),
    "zeros are missing": (_lightgbm_value(zero_as_missing=True), MISSING, VALUE),
    "nothing is missing": (_lightgbm_value(use_missing=False), MISSING, VALUE),
    "binary": (_lightgbm_class(), MISSING, BINARY),
    "binary, steep": (_lightgbm_class(sigmoid=2.0), ROWS, BINARY),
    "three classes, texts": (_lightgbm_class(), MISSING, LABELS),
    "one against the rest": (_lightgbm_class(objective="multiclassova"), ROWS, THREE),
    "scaled": (make_pipeline(MinMaxScaler(), _lightgbm_class()), ROWS, THREE),
}

XGBOOST: dict[str, tuple[Any, NDArray[np.float32], NDArray[Any]]] = {
    **{
        objective: (_xgboost_value(objective=objective), MISSING, VALUE)
        for objective in ("reg:squarederror", "reg:absoluteerror", "reg:pseudohubererror", "count:poisson")
    },
    **{
        objective: (_xgboost_value(objective=objective), MISSING, VALUE)
        for objective in ("reg:gamma", "reg:tweedie", "survival:cox")
    },
    **{
        objective: (_xgboost_value(objective=objective), MISSING, BINARY)
        for objective in ("reg:logistic", "binary:logitraw", "binary:hinge")
    },
    **{
        f"two classes, {objective}": (_xgboost_class(objective=objective), MISSING, BINARY)
        for objective in ("binary:logitraw", "binary:hinge")
    },
    "base score": (_xgboost_class(base_score=0.3), MISSING, BINARY),
    "dart": (_xgboost_value(booster="dart", rate_drop=0.4), MISSING, VALUE),
    "zeros are missing": (_xgboost_class(missing=0.0), ROWS, BINARY),
    "binary": (_xgboost_class(), MISSING, BINARY),
    "three classes": (_xgboost_class(), MISSING, THREE),
    "forest": (xgboost.XGBRFClassifier(**_XGBOOST), MISSING, THREE),
    "two values": (_xgboost_value(), MISSING, np.stack([VALUE, 2 * VALUE + ROWS[:, 0]], axis=1)),
    "two values in a leaf": (
        _xgboost_value(multi_strategy="multi_output_tree"),
        MISSING,
        np.stack([VALUE, 2 * VALUE + ROWS[:, 0]], axis=1),
    ),
    "quantiles": (_xgboost_value(objective="reg:quantileerror", quantile_alpha=[0.1, 0.9]), MISSING, VALUE),
    "scaled": (make_pipeline(StandardScaler(), _xgboost_value()), ROWS, VALUE),
}


@cache
def lightgbm_model(name: str) -> Any:
    """Return a fitted model of LightGBM."""
    model, rows, target = LIGHTGBM[name]
    return model.fit(rows, target)


@cache
def xgboost_model(name: str) -> Any:
    """Return a fitted model of XGBoost."""
    model, rows, target = XGBOOST[name]
    return model.fit(rows, target)


@cache
def lightgbm_over_categories(*, zeros_are_missing: bool = False) -> Any:
    """Return a model of LightGBM whose splits are sets of categories."""
    model = _lightgbm_value(max_cat_to_onehot=1, cat_smooth=1, min_data_per_group=5, zero_as_missing=zeros_are_missing)
    return model.fit(CATEGORICAL, STEPPED, categorical_feature=list(CATEGORIES))


@cache
def xgboost_over_categories(one_hot_up_to: int) -> Any:
    """Return a model of XGBoost whose splits are single categories, up to so many, or sets of them."""
    types = ["c" if column in CATEGORIES else "q" for column in range(ROWS.shape[1])]
    model = _xgboost_value(enable_categorical=True, feature_types=types, max_cat_to_onehot=one_hot_up_to)
    return model.fit(CATEGORICAL, STEPPED)
