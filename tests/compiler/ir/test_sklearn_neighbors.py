from typing import Any

import numpy as np
import pytest
from sklearn import neighbors

from compiler.errors import UnsupportedModelError
from compiler.ir.lowering import lower_estimator
from tests.compiler.ir.estimator_plans import (
    assert_agrees,
    assert_method_agrees,
    assert_refuses_missing_values,
    plan_scores,
    rows_and_classes,
    rows_and_values,
    trial_rows,
)

LABELS = np.array(["low", "middle", "high"])
WAYS: dict[str, dict[str, Any]] = {
    "uniform": {},
    "by distance": {"weights": "distance"},
    "manhattan": {"metric": "manhattan", "weights": "distance"},
    "chebyshev": {"metric": "chebyshev"},
    "minkowski": {"p": 3, "weights": "distance"},
    "cosine": {"metric": "cosine"},
    "brute": {"algorithm": "brute", "weights": "distance"},
}


@pytest.mark.parametrize("way", WAYS)
def test_classifies_by_the_nearest(way: str) -> None:
    """The first trial rows are training rows: some neighbour is at no distance."""
    rows, classes = rows_and_classes()
    model = neighbors.KNeighborsClassifier(4, **WAYS[way]).fit(rows.astype(np.float64), LABELS[classes])
    assert_agrees(model, trial_rows()[:50], tolerance=1e-7)  # BLAS's distances by brute force: 1e-8, not 0


@pytest.mark.parametrize("way", WAYS)
def test_regresses_by_the_nearest(way: str) -> None:
    rows, values = rows_and_values()
    model = neighbors.KNeighborsRegressor(3, **WAYS[way]).fit(rows.astype(np.float64), np.stack([values, -values], 1))
    assert_agrees(model, trial_rows()[:50], tolerance=1e-7)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("outlier", ["low", "none of them"])
def test_classifies_within_a_radius(way: str, outlier: str) -> None:
    rows, classes = rows_and_classes()
    radius = 0.1 if way == "cosine" else 1.5
    labels = np.array([*LABELS, "none of them"])[np.where(np.arange(len(rows)) == 0, 3, classes)]
    model = neighbors.RadiusNeighborsClassifier(radius, outlier_label=outlier, **WAYS[way])
    assert_agrees(model.fit(rows.astype(np.float64), labels), trial_rows()[:50], tolerance=1e-7)


@pytest.mark.parametrize("way", WAYS)
def test_regresses_within_a_radius(way: str) -> None:
    """Rows without neighbours have NaN."""
    rows, values = rows_and_values()
    model = neighbors.RadiusNeighborsRegressor(0.1 if way == "cosine" else 1.5, **WAYS[way])
    model.fit(rows.astype(np.float64), values)
    scores = plan_scores(lower_estimator(model), trial_rows()[:50])
    with pytest.warns(UserWarning, match="no neighbors"):
        truth = model.predict(trial_rows()[:50].astype(np.float64))
    np.testing.assert_allclose(scores[:, 0], truth, rtol=1e-7)


def test_a_row_without_neighbours_nor_a_class_for_it_has_no_score() -> None:
    rows, classes = rows_and_classes()
    model = neighbors.RadiusNeighborsClassifier(0.5).fit(rows.astype(np.float64), classes)
    assert np.isnan(plan_scores(lower_estimator(model), np.full((1, 4), 1e3, np.float32))).all()


def test_of_equal_distances_the_first_learnt_counts() -> None:
    """As scikit-learn says by brute force; its trees answer in an order of their own."""
    rows = np.array([[0, 0, 0, 1], [0, 0, 0, -1], [0, 0, 1, 0], [0, 0, 0, 1]], np.float64)
    model = neighbors.KNeighborsClassifier(1, algorithm="brute").fit(rows, [2, 0, 1, 3])
    assert_agrees(model, np.zeros((1, 4), np.float32))


@pytest.mark.parametrize("classes", [2, 3])
def test_classifies_by_centroids(classes: int) -> None:
    rows, target = rows_and_classes(classes)
    model = neighbors.NearestCentroid(priors="empirical", shrink_threshold=0.1).fit(rows.astype(np.float64), target)
    assert_agrees(model, trial_rows())
    assert_method_agrees(model, "decision_function", trial_rows())


@pytest.mark.parametrize("metric", ["minkowski", "manhattan"])
def test_tells_outliers_by_density(metric: str) -> None:
    rows, _ = rows_and_classes()
    model = neighbors.LocalOutlierFactor(novelty=True, metric=metric, contamination=0.1).fit(rows.astype(np.float64))
    assert_agrees(model, trial_rows())


def test_refuses_missing_values() -> None:
    rows, classes = rows_and_classes()
    assert_refuses_missing_values(neighbors.KNeighborsClassifier().fit(rows.astype(np.float64), classes))


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"weights": np.exp}, "weights of its own"),
        ({"metric": "canberra"}, "metric 'canberra'"),
        ({"n_neighbors": 60}, ""),
    ],
)
def test_what_it_cannot_express_is_told(options: dict[str, Any], told: str) -> None:
    rows, classes = rows_and_classes()
    model = neighbors.KNeighborsClassifier(**options).fit(rows.astype(np.float64), classes)
    if told:
        with pytest.raises(UnsupportedModelError, match=told):
            lower_estimator(model)
    else:
        assert_agrees(model, trial_rows())
