"""Each fault of skl2onnx that we mend: mended here, and still there without the mend."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from skl2onnx import to_onnx
from skl2onnx.common._registration import get_converter, register_converter
from sklearn.base import clone, is_classifier
from sklearn.ensemble import (
    ExtraTreesRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from compiler.backends.onnx_artifact import OPSETS
from compiler.backends.skl2onnx_mend import _ALIASES, _MendedConverter, mend, round_down_to_float32
from compiler.frontends.sklearn import SklearnModel
from compiler.onnx_session import OnnxSession


@pytest.fixture
def unmended() -> Any:
    """skl2onnx as its makers ship it, for one test."""
    mend()
    mended = {alias: get_converter(alias) for alias in _ALIASES}
    for alias, converter in mended.items():
        assert isinstance(converter._fct, _MendedConverter)
        original = converter._fct._original
        register_converter(alias, original._fct, overwrite=True, options=original.get_allowed_options())
    yield
    for alias, converter in mended.items():
        register_converter(alias, converter._fct, overwrite=True, options=converter.get_allowed_options())


def onnx_scores(estimator: Any, rows: NDArray[np.float32]) -> NDArray[np.float64]:
    artifact = SklearnModel(estimator).to_onnx()
    return OnnxSession(artifact.data).score(artifact.input, artifact.output, rows)


def at_thresholds(estimator: Any, rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rows with one value at, just below and just above a threshold of the trees."""
    tables = [predictor.nodes for iteration in estimator._predictors for predictor in iteration]
    branches = np.concatenate([table[table["is_leaf"] == 0] for table in tables])
    nearest = branches["num_threshold"].astype(np.float32)
    values = [nearest, np.nextafter(nearest, np.float32(-np.inf)), np.nextafter(nearest, np.float32(np.inf))]
    made = np.resize(rows, (3 * len(branches), rows.shape[1]))
    made[np.arange(len(made)), np.tile(branches["feature_idx"], 3)] = np.concatenate(values)
    return made


def with_missing(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    made = rows.copy()
    made[np.random.default_rng(3).random(made.shape) < 0.2] = np.nan
    return made


@pytest.mark.usefixtures("unmended")
def test_the_library_still_fails_on_histogram_gradient_boosting(boosted: Any, rows: NDArray[np.float32]) -> None:
    with pytest.raises(ValueError, match="Unable to create node 'TreeEnsembleRegressor'"):
        to_onnx(boosted, rows[:1], target_opset=OPSETS)


@pytest.mark.usefixtures("unmended")
def test_the_library_still_loses_the_direction_of_missing_values(
    rows: NDArray[np.float32], power: NDArray[np.float64]
) -> None:
    tree = DecisionTreeRegressor(random_state=0).fit(rows, power)
    session = OnnxSession(to_onnx(tree, rows[:1], target_opset=OPSETS).SerializeToString())
    scores = session.score("X", "variable", with_missing(rows))
    assert (np.abs(scores[:, 0] - tree.predict(with_missing(rows))) > 0.1).any()


@pytest.mark.parametrize("make", [HistGradientBoostingRegressor, HistGradientBoostingClassifier])
def test_boosted_trees_agree_at_every_threshold(
    make: Any, rows: NDArray[np.float32], power: NDArray[np.float64], state: NDArray[np.str_]
) -> None:
    target = state if make is HistGradientBoostingClassifier else power
    estimator = make(max_iter=10, early_stopping=False).fit(rows, target)
    made = at_thresholds(estimator, rows)
    truth = SklearnModel(estimator).score(made)
    np.testing.assert_allclose(onnx_scores(estimator, made), truth, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    "estimator",
    [
        DecisionTreeClassifier(),
        DecisionTreeRegressor(),
        ExtraTreesRegressor(5),
        HistGradientBoostingClassifier(max_iter=5),
        HistGradientBoostingRegressor(max_iter=5),
        RandomForestClassifier(5),
        RandomForestRegressor(5),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
@pytest.mark.parametrize("trained_with_missing", [False, True])
def test_trees_send_missing_values_where_scikit_learn_does(
    estimator: Any,
    trained_with_missing: bool,  # noqa: FBT001  (a parameter of the test)
    rows: NDArray[np.float32],
    power: NDArray[np.float64],
    state: NDArray[np.str_],
) -> None:
    target = state if is_classifier(estimator) else power
    training = with_missing(rows) if trained_with_missing else rows
    estimator = clone(estimator).set_params(random_state=0).fit(training, target)
    truth = SklearnModel(estimator).score(with_missing(rows))
    np.testing.assert_allclose(onnx_scores(estimator, with_missing(rows)), truth, rtol=1e-5, atol=1e-5)


def test_rounding_down_never_moves_a_float32_across() -> None:
    thresholds = np.random.default_rng(0).normal(size=1000)
    rounded = round_down_to_float32(thresholds)
    assert (rounded <= thresholds).all()
    assert (np.nextafter(rounded, np.float32(np.inf)) > thresholds).all()
