"""scikit-learn's ensembles that read something else off their trees' leaves: depths, votes, places."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import AdaBoostClassifier, IsolationForest, RandomTreesEmbedding
from sklearn.tree import DecisionTreeClassifier, ExtraTreeClassifier

from compiler.errors import UnsupportedModelError
from compiler.ir.nodes import Concatenate, Floats, Map, MapConstant, MapPair, Node, Select, Softmax, TreeEnsemble
from compiler.ir.registry import lowers
from compiler.ir.sklearn_ensembles import boosted_votes
from compiler.ir.sklearn_trees import tree_of
from device_contract.plan.format import Function

_BINARY = 2
_HARMONIC = float(np.euler_gamma)


@lowers("score_samples", IsolationForest)
def _normality(model: Any, source: Node) -> Node:
    """Give ``-2 ** (-depth / expected depth)``; the depths are added up in the trees' order, as scikit-learn does."""
    depth = _isolation_depth(model, source)
    return Map(Function.NEGATIVE, _power_of_two(Map(Function.NEGATIVE, depth)))


@lowers("decision_function", IsolationForest)
def _isolation(model: Any, source: Node) -> Node:
    return MapConstant(Function.SUBTRACT, _normality(model, source), np.array([model.offset_], np.float64))


@lowers("predict", IsolationForest)
def _inlier(model: Any, source: Node) -> Node:
    """Give 1 for an inlier and -1 for an outlier."""
    inlier = MapConstant(Function.GREATER_EQUAL, _isolation(model, source), np.zeros(1))
    doubled = MapConstant(Function.MULTIPLY, inlier, np.full(1, 2.0))
    return MapConstant(Function.SUBTRACT, doubled, np.ones(1))


def _isolation_depth(model: Any, source: Node) -> Node:
    lengths = zip(model._decision_path_lengths, model._average_path_length_per_tree, strict=True)  # noqa: SLF001  (no public name)
    trees = []
    for (path, rest), member, features in zip(lengths, model.estimators_, model.estimators_features_, strict=True):
        depths = (path + rest - 1.0)[:, None]
        trees.append(tree_of(member.tree_, depths, 0, features))
    expected = len(trees) * _average_path_length(model._max_samples)  # noqa: SLF001  (the same)
    if expected == 0:
        raise UnsupportedModelError("an isolation forest of single rows is not one that a plan can express")
    return TreeEnsemble(source, tuple(trees), np.zeros(1), expected, rounds_row=True, takes_missing=True)


def _average_path_length(n_rows: int) -> float:
    """Return the depth at which a binary search tree of so many rows ends an unsuccessful search, on average.

    Source: Liu, Ting and Zhou, Isolation Forest (2008), equation 1; as scikit-learn writes it.
    """
    if n_rows <= 1:
        return 0.0
    return 1.0 if n_rows == _BINARY else float(2.0 * (np.log(n_rows - 1.0) + _HARMONIC) - 2.0 * (n_rows - 1.0) / n_rows)


def _power_of_two(exponent: Node) -> Node:
    return Map(Function.EXPONENTIAL, MapConstant(Function.MULTIPLY, exponent, np.full(exponent.width, np.log(2.0))))


@lowers("decision_function", AdaBoostClassifier)
def _votes(model: Any, source: Node) -> Node:
    """Add up the votes: a tree's weight for its class, taken from the others in equal parts."""
    if not all(type(member) in {DecisionTreeClassifier, ExtraTreeClassifier} for member in model.estimators_):
        votes = boosted_votes(model, source)
        return MapPair(Function.SUBTRACT, Select(votes, (1,)), Select(votes, (0,))) if votes.width == _BINARY else votes
    weights = model.estimator_weights_[: len(model.estimators_)]
    members = zip(model.estimators_, weights, strict=True)
    trees = tuple(tree_of(member.tree_, _vote(model, member, weight), 0) for member, weight in members)
    width = len(model.classes_)
    votes = TreeEnsemble(source, trees, np.zeros(width), float(weights.sum()), rounds_row=True, takes_missing=False)
    return MapPair(Function.SUBTRACT, Select(votes, (1,)), Select(votes, (0,))) if width == _BINARY else votes


def _vote(model: Any, member: Any, weight: float) -> Floats:
    """Return what each node of a tree votes, (n_nodes, n_classes)."""
    n_classes = len(model.classes_)
    label: NDArray[Any] = member.classes_[member.tree_.value[:, 0, :].argmax(axis=1)]
    return np.where(label[:, None] == model.classes_, weight, -1.0 / (n_classes - 1) * weight)


@lowers("predict_proba", AdaBoostClassifier)
def _vote_probabilities(model: Any, source: Node) -> Node:
    votes = _votes(model, source)
    if votes.width == 1:
        both = Concatenate((Map(Function.NEGATIVE, votes), votes))
        return Softmax(MapConstant(Function.DIVIDE, both, np.full(2, 2.0)))
    return Softmax(MapConstant(Function.DIVIDE, votes, np.full(votes.width, len(model.classes_) - 1.0)))


@lowers("transform", RandomTreesEmbedding)
def _embedding(model: Any, source: Node) -> Node:
    """Give one number a leaf, of all trees: 1 for those that the row reaches."""
    leaves = model.one_hot_encoder_.categories_
    trees = tuple(
        tree_of(member.tree_, np.arange(member.tree_.node_count, dtype=np.float64)[:, None], output)
        for output, member in enumerate(model.estimators_)
    )
    reached = TreeEnsemble(source, trees, np.zeros(len(trees)), 1.0, rounds_row=True, takes_missing=True)
    repeated = Select(reached, tuple(np.repeat(np.arange(len(trees)), [len(each) for each in leaves]).tolist()))
    return MapConstant(Function.EQUAL, repeated, np.concatenate(leaves).astype(np.float64))
