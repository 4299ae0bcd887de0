"""scikit-learn's trees, forests and boosting, from the estimators' own tables.

Trees, forests and gradient boosting round the row to float32 and compare it with double
thresholds. Histogram gradient boosting compares doubles.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn import ensemble, tree
from sklearn.dummy import DummyClassifier, DummyRegressor

from compiler.errors import UnsupportedModelError
from compiler.ir.histogram_splits import HistogramSplits
from compiler.ir.nodes import (
    BinarySigmoid,
    Floats,
    Map,
    MapConstant,
    MapPair,
    Node,
    Reduce,
    Select,
    Softmax,
    Tree,
    TreeEnsemble,
)
from compiler.ir.registry import lower, lowers
from device_contract.plan.format import Function, Reduction


@lowers("predict", tree.DecisionTreeRegressor, tree.ExtraTreeRegressor)
@lowers("predict_proba", tree.DecisionTreeClassifier, tree.ExtraTreeClassifier)
def _single_tree(model: Any, source: Node) -> Node:
    return _averaged(model, (model,), source)


@lowers("predict", ensemble.RandomForestRegressor, ensemble.ExtraTreesRegressor)
@lowers("predict_proba", ensemble.RandomForestClassifier, ensemble.ExtraTreesClassifier)
def _forest(model: Any, source: Node) -> Node:
    return _averaged(model, model.estimators_, source)


def _averaged(model: Any, estimators: Iterable[Any], source: Node) -> Node:
    if hasattr(model, "classes_") and model.n_outputs_ > 1:
        raise UnsupportedModelError(f"model {type(model).__name__} classifies several targets at once")
    trees = tuple(tree_of(each.tree_, _leaf_values(model, each.tree_.value), 0) for each in estimators)
    takes_missing = bool(model.__sklearn_tags__().input_tags.allow_nan)
    base = np.zeros(trees[0].values.shape[1])
    return TreeEnsemble(source, trees, base, float(len(trees)), rounds_row=True, takes_missing=takes_missing)


def _leaf_values(model: Any, values: Floats) -> Floats:
    """Return (n_nodes, width): the classes' fractions, or the targets' values."""
    return values[:, 0, :] if hasattr(model, "classes_") else values[:, :, 0]


def tree_of(table: Any, values: Floats, output: int, features: NDArray[np.int64] | None = None) -> Tree:
    """Return scikit-learn's own table of a tree as a tree.

    Args:
        table: The ``tree_`` of an estimator.
        values: What its nodes add if they are leaves, (n_nodes, leaf width).
        output: The first result that they add to.
        features: The columns of the row that it sees; all when left out.
    """
    seen = (
        table.feature if features is None else np.asarray(features)[np.maximum(table.feature, 0)]
    )  # a leaf's is below 0
    return Tree(
        feature=seen.astype(np.int64),
        threshold=table.threshold.astype(np.float64),
        left=table.children_left.astype(np.int64),
        right=table.children_right.astype(np.int64),
        missing_left=table.missing_go_to_left.astype(bool),
        values=values.astype(np.float64),
        output=output,
    )


@lowers("predict", ensemble.GradientBoostingRegressor)
def _boosted_value(model: Any, source: Node) -> Node:
    return _gradient_boosting(model, source)


@lowers("predict_proba", ensemble.GradientBoostingClassifier)
def _boosted_probabilities(model: Any, source: Node) -> Node:
    # The exponential loss's link is half the logit: sigmoid(2 * score). Doubling is exact.
    return _probabilities(_gradient_boosting(model, source, 2.0 if model.loss == "exponential" else 1.0))


@lowers("decision_function", ensemble.GradientBoostingClassifier)
def _boosted_scores(model: Any, source: Node) -> Node:
    return _gradient_boosting(model, source)


def _gradient_boosting(model: Any, source: Node, factor: float = 1.0) -> Node:
    constant = model.init_ == "zero" or isinstance(model.init_, DummyClassifier | DummyRegressor)
    base = (
        model._raw_predict_init(np.zeros((1, model.n_features_in_), np.float32))  # noqa: SLF001  (no public way)
        if constant
        else np.zeros(len(model.estimators_[0]))
    )
    trees = tuple(
        tree_of(each.tree_, factor * (model.learning_rate * each.tree_.value[:, :, 0]), output)
        for stage in model.estimators_
        for output, each in enumerate(stage)
    )
    added = TreeEnsemble(source, trees, factor * base.reshape(-1), 1.0, rounds_row=True, takes_missing=False)
    return added if constant else MapPair(Function.ADD, _start(model, source, factor), added)


def _start(model: Any, source: Node, factor: float) -> Node:
    """Lower what an estimator gives the boosting to start from, on the side of the scores."""
    if not hasattr(model, "classes_"):
        return lower(model.init_, "predict", source)
    probabilities = lower(model.init_, "predict_proba", source)
    smallest = float(np.finfo(np.float64).eps)
    above = MapConstant(Function.MAXIMUM, probabilities, np.full(probabilities.width, smallest))
    logarithms = Map(Function.LOGARITHM, MapConstant(Function.MINIMUM, above, np.full(above.width, 1.0 - smallest)))
    if len(model.estimators_[0]) > 1:
        return MapPair(Function.SUBTRACT, logarithms, Reduce(Reduction.MEAN, logarithms))
    logit = MapPair(Function.SUBTRACT, Select(logarithms, (1,)), Select(logarithms, (0,)))
    # The exponential loss's link is half the logit, which its factor of 2 makes whole.
    return MapConstant(Function.MULTIPLY, logit, np.full(1, factor / 2 if model.loss == "exponential" else factor))


@lowers("predict", ensemble.HistGradientBoostingRegressor)
def _histogram_value(model: Any, source: Node) -> Node:
    scores = _histogram_gradient_boosting(model, source)
    return Map(Function.EXPONENTIAL, scores) if model.loss in {"poisson", "gamma"} else scores


@lowers("predict_proba", ensemble.HistGradientBoostingClassifier)
def _histogram_probabilities(model: Any, source: Node) -> Node:
    return _probabilities(_histogram_gradient_boosting(model, source))


@lowers("decision_function", ensemble.HistGradientBoostingClassifier)
def _histogram_scores(model: Any, source: Node) -> Node:
    return _histogram_gradient_boosting(model, source)


def _histogram_gradient_boosting(model: Any, source: Node) -> Node:
    # The predictors have no public door; their tables are what the model itself walks.
    predictors = [(k, each) for stage in model._predictors for k, each in enumerate(stage)]  # noqa: SLF001  (the same)
    base = np.asarray(model._baseline_prediction, np.float64).reshape(-1)  # noqa: SLF001  (the same)
    splits = HistogramSplits(model, source)
    trees = tuple(splits.tree(predictor, output) for output, predictor in predictors)
    columns = splits.columns
    return TreeEnsemble(columns.node(), trees, base, 1.0, rounds_row=columns.are_float32, takes_missing=True)


def _probabilities(scores: Node) -> Node:
    return BinarySigmoid(scores) if scores.width == 1 else Softmax(scores)
