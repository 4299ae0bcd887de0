import copy
import pickle
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
import skops.io
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.cluster import KMeans
from sklearn.compose import make_column_transformer
from sklearn.decomposition import SparsePCA
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    IsolationForest,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge, RidgeClassifier
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from sklearn.svm import LinearSVC
from xgboost import XGBClassifier

from compiler.errors import ModelError, UnsupportedModelError
from compiler.frontends.model_file import read_model
from compiler.frontends.sklearn import SklearnModel
from compiler.onnx_session import OnnxSession
from device_contract.canonical import sha256_hex


def onnx_scores(model: SklearnModel, rows: NDArray[np.float32]) -> NDArray[np.float64]:
    artifact = model.to_onnx()
    return OnnxSession(artifact.data).score(artifact.input, artifact.output, rows)


@pytest.mark.parametrize("name", ["linear", "logistic", "forest", "boosted"])
def test_a_skops_file_is_loaded_safely(
    tmp_path: Path, name: str, request: pytest.FixtureRequest, rows: NDArray[np.float32]
) -> None:
    estimator = request.getfixturevalue(name)
    path = tmp_path / "model.skops"
    skops.io.dump(estimator, path)
    model = read_model(path)
    assert model.sha256 == sha256_hex(path.read_bytes())
    np.testing.assert_array_equal(model.score(rows), SklearnModel(estimator).score(rows))


def test_a_skops_file_with_types_of_others_is_refused_by_their_names(tmp_path: Path, linear: Any) -> None:
    path = tmp_path / "model.skops"
    skops.io.dump(make_pipeline(FunctionTransformer(Path), linear), path)
    with pytest.raises(ModelError, match=r"not trusted: pathlib\.Path"):
        read_model(path)


@pytest.mark.parametrize("suffix", [".pkl", ".pickle", ".joblib"])
def test_a_pickle_is_loaded_only_when_it_is_trusted(
    tmp_path: Path, linear: Any, rows: NDArray[np.float32], suffix: str
) -> None:
    path = tmp_path / f"model{suffix}"
    if suffix == ".joblib":
        joblib.dump(linear, path)
    else:
        path.write_bytes(pickle.dumps(linear))
    with pytest.raises(ModelError, match=r"runs any code .*skops.*--trust-pickle"):
        read_model(path)
    scores = read_model(path, trust_pickle=True).score(rows)
    np.testing.assert_array_equal(scores, SklearnModel(linear).score(rows))


class Bomb:
    """Writes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return (Path.touch, (self.path,))


def test_a_pickle_that_is_not_trusted_runs_nothing(tmp_path: Path) -> None:
    path = tmp_path / "model.pkl"
    path.write_bytes(pickle.dumps(Bomb(tmp_path / "harm")))
    with pytest.raises(ModelError):
        read_model(path)
    assert not (tmp_path / "harm").exists()


@pytest.mark.parametrize("suffix", [".skops", ".pkl", ".joblib", ".onnx"])
@pytest.mark.parametrize("data", [b"", b"rubbish", b"PK\x03\x04", b"\x80\x04."])
def test_rubbish_is_refused_in_one_line(tmp_path: Path, suffix: str, data: bytes) -> None:
    path = tmp_path / f"model{suffix}"
    path.write_bytes(data)
    with pytest.raises(ModelError) as refusal:
        read_model(path, trust_pickle=True)
    assert "\n" not in str(refusal.value)
    assert data or str(refusal.value) == f"cannot read model {path}: it is empty"


def test_an_unknown_kind_of_file_and_a_missing_one_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"unknown kind of model '\.h5'"):
        read_model(tmp_path / "model.h5")
    with pytest.raises(ModelError, match=r"cannot read model .*No such file"):
        read_model(tmp_path / "model.onnx")


@pytest.mark.parametrize(
    ("thing", "reason"),
    [
        (RandomForestRegressor(), "RandomForestRegressor is not fitted"),
        (make_pipeline(StandardScaler(), Ridge()), "Pipeline is not fitted"),
        ({"coefficients": [1, 2]}, "the model is a dict, not a scikit-learn estimator"),
        (Ridge, "not a scikit-learn estimator"),
    ],
)
def test_what_is_no_fitted_estimator_is_refused(thing: Any, reason: str) -> None:
    with pytest.raises(ModelError, match=reason):
        SklearnModel(thing)


def test_an_estimator_that_misses_a_part_is_refused_in_one_line(tmp_path: Path, forest: Any) -> None:
    damaged = copy.copy(forest)
    del damaged.estimator
    path = tmp_path / "model.skops"
    skops.io.dump(damaged, path)
    with pytest.raises(ModelError, match=r"the RandomForestClassifier in .* is not whole: .* no attribute 'estimator'"):
        read_model(path)


def test_several_targets_of_a_classifier_are_refused(rows: NDArray[np.float32]) -> None:
    targets = (rows[:, :2] > 0).astype(int)
    with pytest.raises(ModelError, match="several targets"):
        SklearnModel(MultiOutputClassifier(LogisticRegression()).fit(rows, targets))


@pytest.mark.parametrize(
    "classifier",
    [
        OneVsRestClassifier(LogisticRegression()),
        RidgeClassifier(),
        make_pipeline(StandardScaler(), MLPClassifier((3,), max_iter=5)),
        XGBClassifier(n_estimators=2),
    ],
)
@pytest.mark.parametrize("n_labels", [2, 3])
@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
def test_several_labels_at_once_are_refused(rows: NDArray[np.float32], classifier: Any, n_labels: int) -> None:
    model = SklearnModel(clone(classifier).fit(rows, (rows[:, :n_labels] > 0).astype(int)))
    with pytest.raises(ModelError, match="several labels at once"):
        model.score(rows)


def test_one_row_of_several_numbers_is_scored_as_many_are(rows: NDArray[np.float32]) -> None:
    model = SklearnModel(SparsePCA(2, max_iter=3, random_state=0).fit(rows))
    np.testing.assert_allclose(model.score(rows[:1]), model.score(rows)[:1], atol=1e-6)


def test_a_function_without_a_name_is_refused(rows: NDArray[np.float32]) -> None:
    model = make_pipeline(FunctionTransformer(lambda values: values), Ridge()).fit(rows, rows[:, 0])
    with pytest.raises(ModelError, match=r"the Pipeline cannot be pickled: .*lambda"):
        SklearnModel(model)


@pytest.mark.parametrize(
    "classifier",
    [RandomForestClassifier(2), HistGradientBoostingClassifier(max_iter=2), DummyClassifier(), GaussianNB()],
)
def test_a_classifier_of_one_class_is_refused(rows: NDArray[np.float32], classifier: Any) -> None:
    with pytest.raises(ModelError, match="fitted on one class, 'calm'"):
        SklearnModel(clone(classifier).fit(rows, ["calm"] * len(rows)))


@pytest.mark.parametrize(
    ("classes", "labels"),
    [([False, True], (0, 1)), ([-1, 1], (-1, 1)), ([0.0, 1.0], (0, 1)), (["no", "yes"], ("no", "yes"))],
)
def test_labels_are_text_or_whole_numbers(
    rows: NDArray[np.float32], classes: list[Any], labels: tuple[Any, ...]
) -> None:
    target = np.array(classes)[(rows[:, 0] > 0).astype(int)]
    assert SklearnModel(LogisticRegression().fit(rows, target)).signature.labels == labels


@pytest.mark.parametrize("n_classes", [2, 3])
def test_a_classifier_without_probabilities_gives_a_score_for_each_class(
    rows: NDArray[np.float32], n_classes: int
) -> None:
    target = np.digitize(rows[:, 0], [0, 1][: n_classes - 1])
    estimator = LinearSVC().fit(rows, target)
    model = SklearnModel(estimator)
    assert model.score(rows).shape == (len(rows), n_classes)
    np.testing.assert_array_equal(model.score(rows).argmax(axis=1), estimator.predict(rows))
    np.testing.assert_allclose(onnx_scores(model, rows), model.score(rows), atol=1e-5)


@pytest.mark.parametrize("estimator", [IsolationForest(n_estimators=10, random_state=0), KMeans(3, random_state=0)])
def test_outlier_detectors_and_clusterings_give_their_scores(rows: NDArray[np.float32], estimator: Any) -> None:
    model = SklearnModel(estimator.fit(rows))
    assert model.signature.task == "regression"
    np.testing.assert_allclose(onnx_scores(model, rows), model.score(rows), atol=1e-4)


def test_several_targets_of_a_regressor_are_several_outputs(rows: NDArray[np.float32]) -> None:
    model = SklearnModel(LinearRegression().fit(rows, rows[:, :2] @ np.array([[1, 2], [3, 4]])))
    assert model.score(rows).shape == (len(rows), 2)
    np.testing.assert_allclose(onnx_scores(model, rows), model.score(rows), atol=1e-5)


def test_columns_chosen_by_name_are_chosen_by_position(rows: NDArray[np.float32], power: NDArray[np.float64]) -> None:
    made = rows.copy()
    made[:, 2] = np.digitize(rows[:, 2], [0])
    chosen = make_column_transformer((StandardScaler(), [3, 0]), (OneHotEncoder(), [2]))
    estimator = make_pipeline(chosen, Ridge()).fit(made, power)
    expected = estimator.predict(made.astype(np.float64))
    # What a fit on a data frame leaves behind; the frame's library is not among our dependencies.
    chosen.feature_names_in_ = np.array(["a", "b", "c", "d"], dtype=object)
    names = {"standardscaler": ["d", "a"], "onehotencoder": ["c"], "remainder": ["b"]}
    chosen.transformers_ = [(name, inner, names[name]) for name, inner, _ in chosen.transformers_]
    model = SklearnModel(estimator)
    assert model.signature.feature_names == ("a", "b", "c", "d")
    np.testing.assert_allclose(model.score(made)[:, 0], expected)
    np.testing.assert_allclose(onnx_scores(model, made)[:, 0], expected, atol=1e-5)


def test_a_model_that_does_not_convert_says_so(rows: NDArray[np.float32], state: NDArray[np.str_]) -> None:
    model = SklearnModel(KNeighborsClassifier(metric=_distance).fit(rows, state))
    with pytest.raises(UnsupportedModelError, match="KNeighborsClassifier does not convert to ONNX") as refusal:
        model.to_onnx()
    assert "\n" not in str(refusal.value)


def _distance(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    return float(np.abs(one - other).max())


class Stale(Ridge):  # type: ignore[misc]
    """An estimator that misses what a later version of its library looks for."""

    def predict(self, _rows: Any) -> Any:
        raise AttributeError("no attribute\n'monotonic_cst'")


def test_an_estimator_that_fails_is_refused_in_one_line(rows: NDArray[np.float32], power: NDArray[np.float64]) -> None:
    with pytest.raises(ModelError, match=r"the Stale fails when it scores \(AttributeError\): no attribute 'mono"):
        SklearnModel(Stale().fit(rows, power)).score(rows)


def test_parameters_are_text_in_order_and_hold_no_addresses(forest: Any, linear: Any) -> None:
    parameters = SklearnModel(forest).parameters
    assert parameters["max_depth"] == "6"
    assert list(parameters)[1:] == sorted(list(parameters)[1:])
    assert SklearnModel(linear).parameters["model_type"] == (
        "sklearn.preprocessing._data.StandardScaler > sklearn.linear_model._ridge.Ridge"
    )
    assert not any(" at 0x" in text for text in SklearnModel(linear).parameters.values())
