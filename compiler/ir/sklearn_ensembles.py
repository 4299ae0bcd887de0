"""scikit-learn's ensembles of any estimators: voting, bagging, boosting, stacking."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn import ensemble, tree

from compiler.errors import UnsupportedModelError
from compiler.ir.arithmetic import joined, matrix, mean, one_hot, total, with_constant
from compiler.ir.nodes import Floats, Node, Reduce, Select, TreeEnsemble
from compiler.ir.piecewise import matches
from compiler.ir.registry import lower, lowers
from compiler.ir.sklearn_trees import tree_of
from compiler.ir.weighted_median import WeightedMedian
from device_contract.plan.format import Function, Reduction

_BINARY = 2
_TREES = (tree.DecisionTreeRegressor, tree.ExtraTreeRegressor)


@lowers("predict_proba", ensemble.VotingClassifier, composes=True)
def _soft_vote(model: Any, source: Node) -> Node:
    return _weighted([lower(each, "predict_proba", source) for each in model.estimators_], _weights(model))


@lowers("predict", ensemble.VotingClassifier, composes=True)
def _hard_vote(model: Any, source: Node) -> Node:
    if model.voting == "soft":
        return Reduce(Reduction.POSITION_OF_GREATEST, _soft_vote(model, source))
    n_classes = len(model.classes_)
    votes = [one_hot(lower(each, "predict", source), n_classes) for each in model.estimators_]
    return Reduce(Reduction.POSITION_OF_GREATEST, _weighted(votes, _weights(model)))


@lowers("predict", ensemble.VotingRegressor, composes=True)
def _averaged_values(model: Any, source: Node) -> Node:
    return _weighted([lower(each, "predict", source) for each in model.estimators_], _weights(model))


def _weights(model: Any) -> Floats | None:
    weights = model._weights_not_none  # noqa: SLF001  (without those of what is dropped)
    return None if weights is None else np.asarray(weights, np.float64)


def _weighted(parts: Sequence[Node], weights: Floats | None) -> Node:
    if weights is None:
        return mean(parts)
    scaled = [with_constant(Function.MULTIPLY, part, weight) for part, weight in zip(parts, weights, strict=True)]
    return with_constant(Function.DIVIDE, total(scaled), weights.sum())


@lowers("predict_proba", ensemble.BaggingClassifier, composes=True)
def _bagged_probabilities(model: Any, source: Node) -> Node:
    classes = np.arange(len(model.classes_))
    parts = []
    for member, chosen in _members(model, source):
        own = np.asarray(member.classes_, np.int64)
        if hasattr(member, "predict_proba"):
            scores = lower(member, "predict_proba", chosen)
        else:
            scores = one_hot(lower(member, "predict", chosen), len(own))
        parts.append(scores if len(own) == len(classes) else matrix(scores, classes[:, None] == own))
    return mean(parts)


@lowers("predict", ensemble.BaggingRegressor, composes=True)
def _bagged_value(model: Any, source: Node) -> Node:
    return mean([lower(member, "predict", chosen) for member, chosen in _members(model, source)])


def _members(model: Any, source: Node) -> list[tuple[Any, Node]]:
    """Return each estimator of a bag, and the features that it looks at."""
    pairs = zip(model.estimators_, model.estimators_features_, strict=True)
    everything = tuple(range(source.width))
    chosen = [(member, tuple(int(feature) for feature in features)) for member, features in pairs]
    return [(member, source if columns == everything else Select(source, columns)) for member, columns in chosen]


def boosted_votes(model: Any, source: Node) -> Node:
    """Lower the decisions of an ``AdaBoostClassifier`` of any estimators, (n_classes,)."""
    n_classes = len(model.classes_)
    weights = np.asarray(model.estimator_weights_[: len(model.estimators_)], np.float64)
    parts = []
    for member, weight in zip(model.estimators_, weights, strict=True):
        places = np.searchsorted(model.classes_, member.classes_)
        votes = np.full((n_classes, len(places)), -weight / (n_classes - 1))
        votes[places, np.arange(len(places))] = weight
        parts.append(matrix(one_hot(lower(member, "predict", source), len(places)), votes))
    return with_constant(Function.DIVIDE, total(parts), weights.sum())


@lowers("predict", ensemble.AdaBoostRegressor)
def _boosted_median(model: Any, source: Node) -> Node:
    weights = np.asarray(model.estimator_weights_[: len(model.estimators_)], np.float64)
    if all(type(member) in _TREES for member in model.estimators_):
        tables = [member.tree_ for member in model.estimators_]
        trees = tuple(tree_of(table, table.value[:, :, 0], place) for place, table in enumerate(tables))
        base = np.zeros(len(trees))
        values: Node = TreeEnsemble(source, trees, base, 1.0, rounds_row=True, takes_missing=False)
    else:
        values = joined([lower(member, "predict", source) for member in model.estimators_])
    return WeightedMedian(values, weights)


def _stacked(model: Any, source: Node) -> Node:
    """Return what the final estimator is given."""
    parts = []
    for estimator, method in zip(model.estimators_, model.stack_method_, strict=True):
        scores = lower(estimator, method, source)
        if method == "predict" and hasattr(estimator, "classes_"):
            scores = _labels(scores, estimator.classes_)
        is_binary = method == "predict_proba" and scores.width == _BINARY
        parts.append(Select(scores, (1,)) if is_binary else scores)
    return joined([*parts, source] if model.passthrough else parts)


def _labels(position: Node, classes: Any) -> Node:
    if np.array_equal(classes, np.arange(len(classes))):
        return position
    try:
        numbers = np.asarray(classes, np.float64)
    except (TypeError, ValueError) as error:
        raise UnsupportedModelError(
            "a stack of estimators whose labels are text is not one that a plan can express"
        ) from error
    nothing = np.full(1, np.nan)
    return matches(position, [np.arange(len(numbers), dtype=np.float64)], [numbers], nothing, nothing)


@lowers("predict_proba", ensemble.StackingClassifier, composes=True)
def _stacked_probabilities(model: Any, source: Node) -> Node:
    return lower(model.final_estimator_, "predict_proba", _stacked(model, source))


@lowers("decision_function", ensemble.StackingClassifier, composes=True)
def _stacked_decisions(model: Any, source: Node) -> Node:
    return lower(model.final_estimator_, "decision_function", _stacked(model, source))


@lowers("predict", ensemble.StackingClassifier, ensemble.StackingRegressor, composes=True)
def _stacked_prediction(model: Any, source: Node) -> Node:
    return lower(model.final_estimator_, "predict", _stacked(model, source))
