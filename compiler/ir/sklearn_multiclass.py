"""scikit-learn's classifiers of several classes made of binary ones, and regressors of several targets."""

from itertools import combinations
from typing import Any

import numpy as np
from sklearn import multiclass, multioutput
from sklearn.base import is_regressor
from sklearn.multiclass import _ConstantPredictor

from compiler.errors import UnsupportedModelError
from compiler.ir.arithmetic import joined, matrix, with_constant
from compiler.ir.nodes import Constant, Map, MapPair, Node, Reduce, Select
from compiler.ir.registry import lower, lowers
from device_contract.plan.format import Function, Reduction


def positive_score(estimator: Any, source: Node) -> Node:
    """Return how sure a binary estimator is of its second class: its decision, else its probability."""
    if is_regressor(estimator):
        return lower(estimator, "predict", source)
    if hasattr(estimator, "decision_function"):
        return lower(estimator, "decision_function", source)
    return Select(lower(estimator, "predict_proba", source), (1,))


@lowers("predict_proba", multiclass.OneVsRestClassifier, composes=True)
def _rest_probabilities(model: Any, source: Node) -> Node:
    _refuse_many_labels(model)
    each: list[Node] = [Select(lower(estimator, "predict_proba", source), (1,)) for estimator in model.estimators_]
    if len(each) == 1:
        each = [with_constant(Function.REVERSE_SUBTRACT, each[0], 1.0), each[0]]
    shares = joined(each)
    sum_of_shares = Reduce(Reduction.SUM, shares)
    is_zero = with_constant(Function.EQUAL, sum_of_shares, 0.0)
    return MapPair(Function.DIVIDE, shares, MapPair(Function.ADD, sum_of_shares, is_zero))


@lowers("decision_function", multiclass.OneVsRestClassifier, composes=True)
def _rest_decisions(model: Any, source: Node) -> Node:
    _refuse_many_labels(model)
    return joined([lower(estimator, "decision_function", source) for estimator in model.estimators_])


def _refuse_many_labels(model: Any) -> None:
    if model.multilabel_:
        raise UnsupportedModelError("model OneVsRestClassifier gives several labels at once")


@lowers("predict_proba", _ConstantPredictor, composes=True)
def _constant_probabilities(model: Any, _: Node) -> Node:
    value = float(model.y_[0])
    return Constant(np.array([1 - value, value]))


@lowers("decision_function", _ConstantPredictor, composes=True)
def _constant_decision(model: Any, _: Node) -> Node:
    return Constant(np.asarray(model.y_[:1], np.float64))


@lowers("decision_function", multiclass.OneVsOneClassifier, composes=True)
def _pair_decisions(model: Any, source: Node) -> Node:
    if model.pairwise_indices_ is not None:
        raise UnsupportedModelError(
            "model OneVsOneClassifier of precomputed kernels is not one that a plan can express"
        )
    n_classes = len(model.classes_)
    # Of each pair of classes, the second is the binary estimators' positive one.
    second_wins = joined([lower(estimator, "predict", source) for estimator in model.estimators_])
    sureness = joined([positive_score(estimator, source) for estimator in model.estimators_])
    pairs = list(combinations(range(n_classes), 2))
    first = np.array([[i == k for i, _ in pairs] for k in range(n_classes)], np.float64)
    second = np.array([[j == k for _, j in pairs] for k in range(n_classes)], np.float64)
    votes = matrix(second_wins, second - first, first.sum(axis=1))
    confidence = matrix(sureness, second - first)
    size = with_constant(Function.ADD, Map(Function.ABSOLUTE, confidence), 1.0)
    held = MapPair(Function.DIVIDE, confidence, with_constant(Function.MULTIPLY, size, 3.0))
    scores = MapPair(Function.ADD, votes, held)
    return Select(scores, (1,)) if n_classes == 2 else scores  # noqa: PLR2004  (a binary decision is one number)


@lowers("predict", multiclass.OutputCodeClassifier, composes=True)
def _nearest_code(model: Any, source: Node) -> Node:
    bits = joined([positive_score(estimator, source) for estimator in model.estimators_])
    codes = np.asarray(model.code_book_, np.float64)
    # The squared distances, but for the bits' own length, which all have in common.
    return Reduce(Reduction.POSITION_OF_LEAST, matrix(bits, -2 * codes, (codes**2).sum(axis=1)))


@lowers("predict", multioutput.MultiOutputRegressor, composes=True)
def _several_targets(model: Any, source: Node) -> Node:
    return joined([lower(estimator, "predict", source) for estimator in model.estimators_])


@lowers("predict", multioutput.RegressorChain)
def _chain(model: Any, source: Node) -> Node:
    targets: list[Node] = []
    for estimator in model.estimators_:
        targets.append(lower(estimator, "predict", joined([source, *targets])))
    return joined([targets[place] for place in np.argsort(model.order_)])
