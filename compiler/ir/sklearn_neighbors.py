"""scikit-learn's nearest neighbours: by brute force, whatever tree it was fitted with.

Of neighbours at the same distance the first one learnt comes first. scikit-learn's trees
return them in an order of their own: where the last neighbour is a tie, the answers may differ.
"""

from typing import Any

import numpy as np
from sklearn import neighbors

from compiler.errors import UnsupportedModelError
from compiler.ir.distances import Distance, Nearest, SumRows
from compiler.ir.nodes import Constant, Floats, Linear, Map, MapConstant, MapPair, Node, Reduce, Select, Softmax
from compiler.ir.pairwise_kernels import points_of_unit_length, unit_length
from compiler.ir.registry import lowers
from device_contract.plan.format import Function, Metric, Reduction

_MAX_DOUBLE = float(np.finfo(np.float64).max)


@lowers("predict_proba", neighbors.KNeighborsClassifier)
def _nearest_classes(model: Any, source: Node) -> Node:
    votes, weight = _nearest_votes(model, source, _one_hot(model))
    return MapPair(Function.DIVIDE, votes, weight)


@lowers("predict", neighbors.KNeighborsRegressor)
def _nearest_mean(model: Any, source: Node) -> Node:
    sums, weight = _nearest_votes(model, source, _targets(model))
    return MapPair(Function.DIVIDE, sums, weight)


@lowers("predict_proba", neighbors.RadiusNeighborsClassifier)
def _classes_within(model: Any, source: Node) -> Node:
    votes, weight = _votes_within(model, source, _one_hot(model))
    if model.outlier_label_ is None:
        return MapPair(Function.DIVIDE, votes, weight)
    # A row without neighbours is of the class for outliers, or of none.
    alone = MapConstant(Function.EQUAL, weight, np.zeros(1))
    outlier = np.asarray(model.classes_ == model.outlier_label_[0], np.float64)
    of_outliers = Linear(alone, outlier[:, None], np.zeros(1), np.zeros(len(outlier)))
    total = MapPair(Function.ADD, weight, alone)
    return MapPair(Function.DIVIDE, MapPair(Function.ADD, votes, of_outliers), total)


@lowers("predict", neighbors.RadiusNeighborsRegressor)
def _mean_within(model: Any, source: Node) -> Node:
    sums, weight = _votes_within(model, source, _targets(model))
    return MapPair(Function.DIVIDE, sums, weight)


@lowers("decision_function", neighbors.NearestCentroid)
def _centroid_margins(model: Any, source: Node) -> Node:
    scores = _centroid_scores(model, source)
    if scores.width > 2:  # noqa: PLR2004
        return scores
    return Linear(scores, np.array([[-1.0, 1.0]]), np.zeros(2), np.zeros(1))


@lowers("predict_proba", neighbors.NearestCentroid)
def _centroid_probabilities(model: Any, source: Node) -> Node:
    return Softmax(_centroid_scores(model, source))


@lowers("decision_function", neighbors.LocalOutlierFactor)
def _local_outlier_factor(model: Any, source: Node) -> Node:
    """Compare the density about a row with those about its neighbours.

    Source: Breunig, Kriegel, Ng and Sander, "LOF: Identifying Density-Based Local Outliers", SIGMOD 2000.
    """
    count = model.n_neighbors_
    distances, positions = _nearest(model, source, count)
    reach_of_neighbours = SumRows(positions, model._distances_fit_X_[:, [count - 1]], length=1)
    reach = Reduce(Reduction.MEAN, MapPair(Function.MAXIMUM, distances, reach_of_neighbours))
    density = MapConstant(Function.REVERSE_DIVIDE, MapConstant(Function.ADD, reach, np.full(1, 1e-10)), np.ones(1))
    around = SumRows(positions, model._lrd[:, None] / count)  # noqa: SLF001  (the densities, public in no other way)
    factor = Map(Function.NEGATIVE, MapPair(Function.DIVIDE, around, density))
    return MapConstant(Function.SUBTRACT, factor, np.full(1, float(model.offset_)))


def metric_distances(
    metric: str, parameters: dict[str, Any], source: Node, points: Floats
) -> tuple[Node, Function | None]:
    """Return numbers that rise with the distances to some points, and what makes them the distances.

    Raises:
        UnsupportedModelError: The metric is not one that a plan can express.
    """
    match metric:
        case "euclidean" | "l2" | "sqeuclidean":
            root = None if metric == "sqeuclidean" else Function.SQUARE_ROOT
            return Distance(Metric.SQUARED_EUCLIDEAN, source, points), root
        case "manhattan" | "cityblock" | "l1":
            return Distance(Metric.MANHATTAN, source, points), None
        case "chebyshev" | "infinity":
            return Distance(Metric.CHEBYSHEV, source, points), None
        case "minkowski" if parameters.get("w") is None:
            return _minkowski(float(parameters.get("p", 2)), source, points)
        case "cosine":
            return _cosine_distances(source, points), None
        case _:
            raise UnsupportedModelError(f"the metric {metric!r} is not one that a plan can express")


def _minkowski(power: float, source: Node, points: Floats) -> tuple[Node, Function | None]:
    named = {1.0: "manhattan", 2.0: "euclidean", np.inf: "chebyshev"}
    if power in named:
        return metric_distances(named[power], {}, source, points)
    sums = Distance(Metric.MINKOWSKI, source, points, power)
    return MapConstant(Function.POWER, sums, np.full(len(points), 1 / power)), None


def _cosine_distances(source: Node, points: Floats) -> Node:
    gaps = Linear(unit_length(source), -points_of_unit_length(points), np.zeros(points.shape[1]), np.ones(len(points)))
    # Not below nothing, nor above two: rounding may have put them there.
    above = MapConstant(Function.MAXIMUM, gaps, np.zeros(len(points)))
    return MapConstant(Function.MINIMUM, above, np.full(len(points), 2.0))


def _distances(model: Any, source: Node) -> tuple[Node, Function | None]:
    points = np.asarray(_dense(model._fit_X), np.float64)  # noqa: SLF001  (the rows that were learnt)
    return metric_distances(model.effective_metric_, model.effective_metric_params_ or {}, source, points)


def _nearest(model: Any, source: Node, count: int) -> tuple[Node, Node]:
    distances, root = _distances(model, source)
    nearest = Nearest(distances, count)
    first, last = Select(nearest, tuple(range(count))), Select(nearest, tuple(range(count, 2 * count)))
    return (Map(root, first) if root else first), last


def _nearest_votes(model: Any, source: Node, table: Floats) -> tuple[Node, Node]:
    """Return the weighted sum of the nearest points' rows of a table, and the sum of their weights."""
    distances, positions = _nearest(model, source, model.n_neighbors)
    if _all_count_once(model):
        return SumRows(positions, table), Constant(np.full(1, float(model.n_neighbors)))
    weights = _inverse_distances(model, distances)
    return SumRows(positions, table, weights), Reduce(Reduction.SUM, weights)


def _votes_within(model: Any, source: Node, table: Floats) -> tuple[Node, Node]:
    """Return the weighted sum of the rows of all points within the radius, and the sum of their weights."""
    distances, root = _distances(model, source)
    distances = Map(root, distances) if root else distances
    inside = MapConstant(Function.LESS_EQUAL, distances, np.full(distances.width, float(model.radius)))
    weights: Node = inside
    if not _all_count_once(model):
        weights = MapPair(Function.MULTIPLY, inside, _inverse_distances(model, distances))
    sums = Linear(weights, table.T, np.zeros(len(table)), np.zeros(table.shape[1]))
    return sums, Reduce(Reduction.SUM, weights)


def _all_count_once(model: Any) -> bool:
    return model.weights is None or (isinstance(model.weights, str) and model.weights == "uniform")


def _inverse_distances(model: Any, distances: Node) -> Node:
    """Return one over each distance; where some are at no distance, 1 for them and 0 for all others."""
    if not isinstance(model.weights, str):
        raise UnsupportedModelError(
            f"{type(model).__name__} with weights of its own is not one that a plan can express"
        )
    n = distances.width
    inverse = Map(Function.RECIPROCAL, distances)
    at_point = MapConstant(Function.EQUAL, inverse, np.full(n, np.inf))
    none_at_point = MapConstant(Function.REVERSE_SUBTRACT, Reduce(Reduction.GREATEST, at_point), np.ones(1))
    finite = MapConstant(Function.MINIMUM, inverse, np.full(n, _MAX_DOUBLE))
    return MapPair(Function.ADD, at_point, MapPair(Function.MULTIPLY, finite, none_at_point))


def _centroid_scores(model: Any, source: Node) -> Node:
    spread = np.asarray(model.within_class_std_dev_, np.float64)
    weights = np.broadcast_to(1 / np.where(spread == 0, 1, spread) ** 2, model.centroids_.shape)
    squares = Distance(Metric.WEIGHTED_SQUARES, source, np.asarray(model.centroids_), weights=np.array(weights))
    prior = 2.0 * np.log(np.asarray(model.class_prior_, np.float64))
    return MapConstant(Function.REVERSE_SUBTRACT, squares, prior)


def _one_hot(model: Any) -> Floats:
    if isinstance(model.classes_, list):
        raise UnsupportedModelError(f"{type(model).__name__} of several targets is not one that a plan can express")
    classes: Floats = np.eye(len(model.classes_))
    return classes[np.asarray(model._y, np.int64).reshape(-1)]  # noqa: SLF001  (each point's class)


def _targets(model: Any) -> Floats:
    targets = np.asarray(model._y, np.float64)  # noqa: SLF001  (each point's target)
    return targets.reshape(len(targets), -1)


def _dense(matrix: Any) -> Any:
    return matrix.toarray() if hasattr(matrix, "toarray") else matrix
