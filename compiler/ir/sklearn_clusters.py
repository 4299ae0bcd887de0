"""scikit-learn's clusterers: the number of the nearest centre, or the distances to all."""

from typing import Any

import numpy as np
from sklearn import cluster

from compiler.errors import UnsupportedModelError
from compiler.ir.distances import Distance, SumRows
from compiler.ir.nodes import Concatenate, Floats, Linear, Map, MapPair, Node, Reduce, Select
from compiler.ir.registry import lowers
from device_contract.plan.format import Function, Metric, Reduction


@lowers("predict", cluster.KMeans, cluster.MiniBatchKMeans, cluster.MeanShift, cluster.AffinityPropagation)
def _nearest_center(model: Any, source: Node) -> Node:
    return _nearest(source, model.cluster_centers_)


@lowers("transform", cluster.KMeans, cluster.MiniBatchKMeans, cluster.BisectingKMeans)
def _distances_to_centers(model: Any, source: Node) -> Node:
    return Map(Function.SQUARE_ROOT, _squares(source, model.cluster_centers_))


@lowers("predict", cluster.Birch)
def _nearest_subcluster(model: Any, source: Node) -> Node:
    labels = np.asarray(model.subcluster_labels_, np.float64)
    return SumRows(_nearest(source, model.subcluster_centers_), labels[:, None])


@lowers("transform", cluster.Birch)
def _distances_to_subclusters(model: Any, source: Node) -> Node:
    return Map(Function.SQUARE_ROOT, _squares(source, model.subcluster_centers_))


@lowers("predict", cluster.BisectingKMeans)
def _bisected(model: Any, source: Node) -> Node:
    """Decide all bisections, and take the cluster whose way agrees with all of its own."""
    centers: list[Floats] = []
    ways: dict[int, dict[int, float]] = {}
    stack: list[tuple[Any, dict[int, float]]] = [(model._bisecting_tree, {})]  # noqa: SLF001  (what predict walks)
    while stack:
        node, way = stack.pop()
        if node.left is None:
            ways[node.label] = way
            continue
        number = len(centers) // 2
        centers += [node.left.center + model._X_mean, node.right.center + model._X_mean]  # noqa: SLF001
        stack += [(node.left, {**way, number: -1.0}), (node.right, {**way, number: 1.0})]
    if not centers:
        return Linear(source, np.zeros((1, source.width)), np.zeros(source.width), np.zeros(1))
    squares = _squares(source, np.array(centers))
    left, right = (Select(squares, tuple(range(side, len(centers), 2))) for side in (0, 1))
    goes_right = MapPair(Function.LESS, right, left)
    numbers = range(goes_right.width)
    agreement = np.array([[ways[label].get(number, 0.0) for number in numbers] for label in range(len(ways))])
    needed = (agreement > 0).sum(axis=1).astype(np.float64)
    return Reduce(Reduction.POSITION_OF_GREATEST, Linear(goes_right, agreement, np.zeros(goes_right.width), -needed))


@lowers("transform", cluster.FeatureAgglomeration)
def _pooled(model: Any, source: Node) -> Node:
    pools = {np.mean: Reduction.MEAN, np.max: Reduction.GREATEST, np.min: Reduction.LEAST, np.sum: Reduction.SUM}
    if model.pooling_func not in pools:
        raise UnsupportedModelError(
            "FeatureAgglomeration with a pooling function of its own is not one that a plan can express"
        )
    members = [np.flatnonzero(model.labels_ == label) for label in np.unique(model.labels_)]
    pool = pools[model.pooling_func]
    return Concatenate(tuple(Reduce(pool, Select(source, tuple(map(int, chosen)))) for chosen in members))


def _squares(source: Node, centers: Any) -> Node:
    return Distance(Metric.SQUARED_EUCLIDEAN, source, np.asarray(centers, np.float64))


def _nearest(source: Node, centers: Any) -> Node:
    if not len(centers):
        raise UnsupportedModelError("a clusterer that found no cluster is not one that a plan can express")
    return Reduce(Reduction.POSITION_OF_LEAST, _squares(source, centers))
