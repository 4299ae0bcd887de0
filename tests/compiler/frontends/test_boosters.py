"""Every kind of booster: its plan and its ONNX give what the library gives, at each threshold and beside it."""

from functools import cache, partial
from typing import Any

import lightgbm
import numpy as np
import pytest
import xgboost
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import VotingClassifier

from compiler import CompiledBundle, compile_model
from compiler.backends.artifact import EmittedArtifact
from compiler.backends.plan import emit
from compiler.edges import edge_rows
from compiler.errors import ModelError, UnsupportedModelError
from compiler.frontends.model_object import source_of
from tests.compiler.frontends.booster_models import (
    CATEGORICAL,
    LIGHTGBM,
    MISSING,
    ROWS,
    STEPPED,
    XGBOOST,
    lightgbm_model,
    lightgbm_over_categories,
    xgboost_model,
    xgboost_over_categories,
)

# LightGBM adds float64, as a plan does; XGBoost adds float32.
_EXACT, _FLOAT32 = 1e-15, 1e-6


def _compiled(model: Any, sample: NDArray[np.float32], kind: Any = None) -> CompiledBundle:
    return compile_model(model, sample, name="pump", version="1", kind=kind)


def _hold(compiled: CompiledBundle, largest: float) -> None:
    plan, *others = compiled.parity
    assert plan.kind == "plan"
    assert plan.max_difference <= largest
    assert plan.edge_rows > 30
    assert [other.wrong_edge_rows for other in others] == [0] * len(others)


@pytest.mark.parametrize("name", LIGHTGBM)
def test_lightgbm(name: str) -> None:
    sample = ROWS if name == "scaled" else MISSING
    _hold(_compiled(lightgbm_model(name), sample), _EXACT)


@pytest.mark.parametrize("name", XGBOOST)
def test_xgboost(name: str) -> None:
    sample = ROWS if name == "scaled" else MISSING
    _hold(_compiled(xgboost_model(name), sample), _FLOAT32)


@pytest.mark.parametrize("zeros_are_missing", [False, True])
def test_lightgbm_over_categories(zeros_are_missing: bool) -> None:  # noqa: FBT001  (pytest gives it)
    compiled = _compiled(lightgbm_over_categories(zeros_are_missing=zeros_are_missing), CATEGORICAL, "plan")
    _hold(compiled, _EXACT)


@pytest.mark.parametrize("one_hot_up_to", [1, 100])
def test_xgboost_over_categories(one_hot_up_to: int) -> None:
    _hold(_compiled(xgboost_over_categories(one_hot_up_to), CATEGORICAL, "plan"), _FLOAT32)


_STRANGE = (0.0, -0.0, 1e-35, -1e-35, 1e-45, -1e-45, 1e-40, 3e38, -3e38, -1.0, -0.5, 0.5, 8.0, 9.0, 59.0, 1e9, np.nan)
_NUMBERS = st.floats(width=32, allow_infinity=False) | st.sampled_from(_STRANGE) | st.integers(-2, 62).map(float)
_MODELS = {
    "lightgbm": partial(lightgbm_over_categories, zeros_are_missing=False),
    "lightgbm, zeros are missing": partial(lightgbm_over_categories, zeros_are_missing=True),
    "lightgbm, nothing is missing": partial(lightgbm_model, "nothing is missing"),
    "xgboost": partial(xgboost_over_categories, 1),
    "xgboost, single categories": partial(xgboost_over_categories, 100),
}


@cache
def _plan(name: str) -> tuple[Any, Any]:
    source = source_of(_MODELS[name]())
    return source, EmittedArtifact("plan", emit(source.to_graph())).scorer()


@pytest.mark.parametrize("name", _MODELS)
@settings(max_examples=40)
@given(rows=arrays(np.float32, (8, 5), elements=_NUMBERS))
def test_strange_rows(name: str, rows: NDArray[np.float32]) -> None:
    source, score = _plan(name)
    assert np.allclose(score(rows), source.score(rows), rtol=_FLOAT32, atol=1e-5)


def test_splits_on_categories_are_not_written_as_onnx() -> None:
    compiled = _compiled(lightgbm_over_categories(), CATEGORICAL)
    assert compiled.notes == ("no onnx for this model: only trees that look at the row itself are written as ONNX",)


@pytest.mark.parametrize("name", ["binary", "three classes, texts", "regression"])
def test_a_booster_of_lightgbm_numbers_its_classes(name: str) -> None:
    model = lightgbm_model(name)
    source = source_of(model.booster_)
    whole = source_of(model)
    assert np.array_equal(source.score(MISSING), whole.score(MISSING))
    assert source.signature.labels == tuple(range(len(whole.signature.labels)))
    _hold(_compiled(model.booster_, MISSING), _EXACT)


@pytest.mark.parametrize("name", ["binary", "three classes", "reg:squarederror", "dart"])
def test_a_booster_of_xgboost_numbers_its_classes(name: str) -> None:
    booster = xgboost_model(name).get_booster()
    assert source_of(booster).signature.labels == source_of(xgboost_model(name)).signature.labels
    _hold(_compiled(booster, MISSING), _FLOAT32)


def test_a_booster_that_gives_the_label_only_gets_probabilities() -> None:
    _, _, target = XGBOOST["three classes"]
    parameters = {"objective": "multi:softmax", "num_class": 3, "nthread": 1}
    booster = xgboost.train(parameters, xgboost.DMatrix(ROWS, target), 3)
    source = source_of(booster)
    assert np.array_equal(source.score(ROWS).argmax(axis=1), booster.predict(xgboost.DMatrix(ROWS)))
    _hold(_compiled(booster, ROWS), _FLOAT32)


def test_a_linear_booster_takes_nothing_for_what_is_missing() -> None:
    model = xgboost.XGBRegressor(n_estimators=3, booster="gblinear", n_jobs=1).fit(ROWS, ROWS[:, 0])
    compiled = _compiled(model, MISSING, "plan")
    assert compiled.parity[0].max_difference < _FLOAT32


def test_an_estimator_that_stopped_early_leaves_out_what_came_after_its_best_round() -> None:
    _, _, target = XGBOOST["reg:squarederror"]
    model = xgboost.XGBRegressor(n_estimators=40, max_depth=3, learning_rate=0.9, early_stopping_rounds=3, n_jobs=1)
    model.fit(ROWS[:200], target[:200], eval_set=[(ROWS[200:], target[200:])], verbose=False)
    assert model.best_iteration + 1 < model.get_booster().num_boosted_rounds()
    _hold(_compiled(model, ROWS), _FLOAT32)
    _hold(_compiled(model.get_booster(), ROWS), _FLOAT32)


def test_xgboost_refuses_infinities_and_so_its_rows_of_them_are_not_tried() -> None:
    rows = ROWS.copy()
    rows[0, 0] = np.inf
    with pytest.raises(ModelError, match="does not take these rows"):
        source_of(xgboost_model("binary").get_booster()).score(rows)


def _squared(target: Any, scores: Any) -> tuple[Any, Any]:
    return scores - target, np.ones_like(scores)


@pytest.mark.parametrize("name", ["binary", "three classes, texts"])
def test_boosters_inside_other_estimators(name: str) -> None:
    _, _, target = LIGHTGBM[name]
    calibrated = CalibratedClassifierCV(clone(lightgbm_model(name)), cv=2).fit(ROWS, target)
    _hold(_compiled(calibrated, ROWS, "plan"), _EXACT)
    members = [("lightgbm", clone(lightgbm_model(name))), ("xgboost", clone(xgboost_model("binary")))]
    voting = VotingClassifier(members, voting="soft").fit(ROWS, target)
    _hold(_compiled(voting, ROWS, "plan"), _FLOAT32)


def test_an_objective_of_ones_own_has_no_plan() -> None:
    model = lightgbm.LGBMRegressor(n_estimators=1, objective=_squared, n_jobs=1, verbose=-1)
    source = source_of(model.fit(ROWS, ROWS[:, 0]))
    with pytest.raises(UnsupportedModelError, match="objective"):
        source.to_graph()


_RARE = CATEGORICAL.copy()
_RARE[:, 3] %= 9
_COMMON = _RARE[(_RARE[:, 0] < 2) & (_RARE[:, 3] < 2)]
"""A sample that shows few of the categories, and no missing value."""


def _at_edges(model: Any) -> NDArray[np.float32]:
    return np.concatenate([group.rows for group in edge_rows(source_of(model).to_graph(), _COMMON)])


@pytest.mark.parametrize("zero_as_missing", [False, True])
def test_edges_reach_each_leaf_of_lightgbm_with_a_sample_that_lacks_the_rare_rows(
    zero_as_missing: bool,  # noqa: FBT001  (both)
) -> None:
    settings = {"num_leaves": 15, "min_data_per_group": 5, "cat_smooth": 1.0, "verbose": -1, "num_threads": 1}
    categories: Any = "auto" if zero_as_missing else [0, 3]
    given = lightgbm.Dataset(_RARE, STEPPED, categorical_feature=categories)
    booster = lightgbm.train({**settings, "zero_as_missing": zero_as_missing}, given, 4)
    leaves = np.asarray(booster.predict(_at_edges(booster), pred_leaf=True))
    trees = booster.dump_model()["tree_info"]
    assert [len(set(reached)) for reached in leaves.T] == [tree["num_leaves"] for tree in trees]


def test_edges_reach_each_leaf_of_xgboost_with_a_sample_that_lacks_the_rare_rows() -> None:
    types = ["c", "float", "float", "c", "float"]
    given = partial(xgboost.DMatrix, feature_types=types, enable_categorical=True)
    options = {"max_depth": 4, "max_cat_to_onehot": 4, "nthread": 1}
    booster = xgboost.train(options, given(_RARE, STEPPED), 4)
    rows = _at_edges(booster)
    leaves = booster.predict(given(rows[~np.isinf(rows).any(axis=1)]), pred_leaf=True)
    trees = [tree.count("leaf=") for tree in booster.get_dump()]
    assert [len(set(reached)) for reached in leaves.T] == trees
