from typing import Any

import numpy as np
import pytest
from sklearn import cluster

from compiler.errors import UnsupportedModelError
from compiler.ir.lowering import lower_estimator
from tests.compiler.ir.estimator_plans import (
    assert_agrees,
    assert_method_agrees,
    assert_refuses_missing_values,
    rows_and_classes,
    trial_rows,
)

CLUSTERERS: dict[str, Any] = {
    "k-means": cluster.KMeans(3, n_init=1, random_state=0),
    "k-means, 20 clusters": cluster.KMeans(20, n_init=1, random_state=0),
    "k-means in batches": cluster.MiniBatchKMeans(3, n_init=1, random_state=0),
    "bisecting k-means": cluster.BisectingKMeans(7, random_state=0),
    "bisecting k-means, one cluster": cluster.BisectingKMeans(1, random_state=0),
    "mean shift": cluster.MeanShift(bandwidth=4),
    "affinity propagation": cluster.AffinityPropagation(random_state=0),
    "birch": cluster.Birch(threshold=1.5),
    "birch, all subclusters": cluster.Birch(threshold=1.5, n_clusters=None),
}


def fitted(model: Any) -> Any:
    return model.fit(rows_and_classes()[0].astype(np.float64))


@pytest.mark.parametrize("name", CLUSTERERS)
def test_gives_the_label(name: str) -> None:
    assert_agrees(fitted(CLUSTERERS[name]), trial_rows(), tolerance=0)


@pytest.mark.parametrize("name", ["k-means", "k-means in batches", "bisecting k-means", "birch"])
def test_gives_the_distances_in_a_pipeline(name: str) -> None:
    """BLAS's distances: about 1e-8 off where a row is a centre."""
    assert_method_agrees(fitted(CLUSTERERS[name]), "transform", trial_rows(), tolerance=1e-7)


@pytest.mark.parametrize("pool", [np.mean, np.max, np.min, np.sum])
def test_pools_features(pool: Any) -> None:
    assert_agrees(fitted(cluster.FeatureAgglomeration(3, pooling_func=pool)), trial_rows())


def test_a_pool_of_its_own_is_told() -> None:
    with pytest.raises(UnsupportedModelError, match="pooling function of its own"):
        lower_estimator(fitted(cluster.FeatureAgglomeration(3, pooling_func=np.median)))


def test_what_only_labels_its_training_rows_is_told() -> None:
    with pytest.raises(UnsupportedModelError, match="DBSCAN neither predicts nor transforms"):
        lower_estimator(fitted(cluster.DBSCAN()))


@pytest.mark.parametrize("name", ["k-means", "bisecting k-means", "birch"])
def test_refuses_missing_values(name: str) -> None:
    assert_refuses_missing_values(fitted(CLUSTERERS[name]))
