from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.cluster import BisectingKMeans, KMeans, MiniBatchKMeans
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from compiler.backends.plan import emit
from compiler.frames import FrameFeatures
from compiler.frontends.final_step import made_to_score, without_searches
from compiler.frontends.model_object import source_of
from compiler.frontends.sklearn import SklearnModel
from compiler.onnx_session import OnnxSession
from device_contract.plan.scorer import PlanScorer

ROWS = np.random.default_rng(0).normal(size=(60, 3)).astype(np.float32)
CLASSES = np.arange(60) % 4


@pytest.mark.parametrize("piped", [False, True])
def test_decisions_between_pairs_become_one_for_each_class(piped: bool) -> None:  # noqa: FBT001
    classifier = SVC(decision_function_shape="ovo")
    model = (make_pipeline(StandardScaler(), classifier) if piped else classifier).fit(ROWS, CLASSES)
    changed = made_to_score(model)
    assert model.decision_function(ROWS).shape == (60, 6)
    assert changed.decision_function(ROWS).shape == (60, 4)
    np.testing.assert_array_equal(changed.predict(ROWS), model.predict(ROWS))


def test_onnx_gives_a_number_for_each_class_too() -> None:
    model = SklearnModel(SVC(decision_function_shape="ovo").fit(ROWS, CLASSES))
    artifact = model.to_onnx()
    scores = OnnxSession(artifact.data).score(artifact.input, artifact.output, ROWS)
    np.testing.assert_allclose(scores, model.score(ROWS), atol=1e-4)


@pytest.mark.parametrize("kind", [KMeans, MiniBatchKMeans, BisectingKMeans])
@pytest.mark.parametrize("piped", [False, True])
def test_clusters_that_were_fitted_on_float32_take_float64(kind: Any, piped: bool) -> None:  # noqa: FBT001
    clusterer = kind(4, n_init=1, random_state=0)
    fitted = (make_pipeline(StandardScaler(), clusterer) if piped else clusterer).fit(ROWS)
    model = SklearnModel(fitted)
    np.testing.assert_array_equal(model.score(ROWS)[:, 0], fitted.predict(ROWS))
    assert clusterer.cluster_centers_.dtype == np.float32
    scores = np.empty((len(ROWS), 1))
    PlanScorer(emit(model.to_graph())).score_batch(ROWS, len(ROWS), scores)
    np.testing.assert_array_equal(scores, model.score(ROWS))


def test_other_estimators_stay_as_they_are() -> None:
    model = LogisticRegression().fit(ROWS, CLASSES)
    assert made_to_score(model) is model
    assert without_searches(make_pipeline(StandardScaler(), model)).steps[1][1] is model


@pytest.mark.parametrize("piped", [False, True])
def test_a_search_is_the_estimator_that_it_found(piped: bool) -> None:  # noqa: FBT001
    search = GridSearchCV(SVC(decision_function_shape="ovo"), {"C": [1, 2]}, cv=2)
    fitted = (make_pipeline(StandardScaler(), search) if piped else search).fit(ROWS, CLASSES)
    model = SklearnModel(fitted)
    assert model.score(ROWS).shape == (60, 4)
    np.testing.assert_array_equal(model.score(ROWS).argmax(axis=1), fitted.predict(ROWS))
    assert "GridSearchCV" not in model.parameters["model_type"]


def test_what_a_search_found_keeps_its_family() -> None:
    search = GridSearchCV(RandomForestClassifier(3, random_state=0), {"max_depth": [2, 3]}, cv=2).fit(ROWS, CLASSES)
    assert SklearnModel(search).signature.family == "trees"


def test_a_search_over_named_columns_takes_them_by_position() -> None:
    frame = pd.DataFrame(ROWS, columns=["a", "b", "c"])
    pipeline = make_pipeline(make_column_transformer((StandardScaler(), ["c", "a"])), LogisticRegression())
    search = GridSearchCV(pipeline, {"logisticregression__C": [1, 2]}, cv=2).fit(frame, CLASSES)
    np.testing.assert_allclose(SklearnModel(search).score(ROWS), search.predict_proba(frame), rtol=1e-5)


def test_a_search_over_frames_has_a_frame() -> None:
    frames = FrameFeatures(["x"], sample_rate_hz=10, length=3)
    search = GridSearchCV(make_pipeline(frames, LogisticRegression()), {"logisticregression__C": [1, 2]}, cv=2)
    assert source_of(search.fit(ROWS, CLASSES)).signature.frame is not None
