"""scikit-learn's support vector machines, as libsvm computes them."""

from itertools import combinations
from typing import Any

import numpy as np
from sklearn import svm

from compiler.errors import UnsupportedModelError
from compiler.ir.distances import Coupling
from compiler.ir.nodes import Floats, Linear, Map, MapConstant, MapPair, Node, Reduce, Select
from compiler.ir.pairwise_kernels import Kernel, kernel_values
from compiler.ir.registry import lowers
from device_contract.plan.format import Function, Reduction

_CLASSIFIERS = (svm.SVC, svm.NuSVC)
_LEAST_PROBABILITY = 1e-7
"""libsvm keeps the probability of a pair so far from 0 and 1."""


@lowers("predict", svm.SVR, svm.NuSVR)
@lowers("decision_function", svm.OneClassSVM)
def _one_sum(model: Any, source: Node) -> Node:
    return _sums(model, source, np.atleast_2d(_dense(model.dual_coef_)), model.intercept_)


@lowers("decision_function", *_CLASSIFIERS)
def _decision(model: Any, source: Node) -> Node:
    decided = _pairs(model, source)
    return decided if decided.width == 1 else votes(decided, len(model.classes_))


@lowers("predict", *_CLASSIFIERS)
def _label(model: Any, source: Node) -> Node:
    """Give the position of the class that wins most pairs, the first of equals, as libsvm does."""
    n_classes = len(model.classes_)
    if n_classes == 2 or (model.break_ties and model.decision_function_shape == "ovr"):  # noqa: PLR2004
        scores = _decision(model, source)
        return MapConstant(Function.GREATER, scores, np.zeros(1)) if n_classes == 2 else _greatest(scores)  # noqa: PLR2004
    won = MapConstant(Function.GREATER, _pairs(model, source), np.zeros(n_classes * (n_classes - 1) // 2))
    pairs = list(combinations(range(n_classes), 2))
    first = np.array([[i == k for i, _ in pairs] for k in range(n_classes)], np.float64)
    second = np.array([[j == k for _, j in pairs] for k in range(n_classes)], np.float64)
    return _greatest(Linear(won, first - second, np.zeros(won.width), second.sum(axis=1)))


def _greatest(scores: Node) -> Node:
    return Reduce(Reduction.POSITION_OF_GREATEST, scores)


@lowers("predict_proba", *_CLASSIFIERS)
def _probabilities(model: Any, source: Node) -> Node:
    n_classes = len(model.classes_)
    decided = _pairs(model, source)
    if n_classes == 2:  # noqa: PLR2004  (scikit-learn turns the sign of two classes, not of their probabilities)
        decided = Map(Function.NEGATIVE, decided)
    # The public names of what Platt's method fitted warn of their end.
    scaled = MapConstant(Function.MULTIPLY, decided, -np.asarray(model._probA, np.float64))  # noqa: SLF001
    shifted = MapConstant(Function.SUBTRACT, scaled, np.asarray(model._probB, np.float64))  # noqa: SLF001
    first_wins = Map(Function.SIGMOID, shifted)
    low, high = np.full(decided.width, _LEAST_PROBABILITY), np.full(decided.width, 1 - _LEAST_PROBABILITY)
    inside = MapConstant(Function.MINIMUM, MapConstant(Function.MAXIMUM, first_wins, low), high)
    return Select(Coupling(inside, n_classes), tuple(range(n_classes)))


def votes(decided: Node, n_classes: int) -> Node:
    """Return a score for each class from the decisions of all pairs: a vote each, and confidence within a third.

    Args:
        decided: For the pairs (0, 1), (0, 2) ... (1, 2) ...: above zero for the first class.
        n_classes: Number of classes.
    """
    first = np.array([[i == k for i, _ in combinations(range(n_classes), 2)] for k in range(n_classes)], np.float64)
    second = np.array([[j == k for _, j in combinations(range(n_classes), 2)] for k in range(n_classes)], np.float64)
    nothing = np.zeros(decided.width)
    # A decision of exactly zero is a vote for the first class, as in scikit-learn.
    lost = MapConstant(Function.LESS, decided, nothing)
    counts = Linear(lost, second - first, nothing, first.sum(axis=1))
    confidence = Linear(decided, first - second, nothing, np.zeros(n_classes))
    spread = MapConstant(Function.MULTIPLY, Map(Function.ABSOLUTE, confidence), np.full(n_classes, 3.0))
    spread = MapConstant(Function.ADD, spread, np.full(n_classes, 3.0))
    return MapPair(Function.ADD, counts, MapPair(Function.DIVIDE, confidence, spread))


def _pairs(model: Any, source: Node) -> Node:
    """Return what is decided for each pair of classes; of two classes, above zero for the second."""
    coefficients = _dense(model.dual_coef_)
    if len(model.classes_) == 2:  # noqa: PLR2004
        return _sums(model, source, coefficients, model.intercept_)
    ends = np.cumsum(model.n_support_)
    starts = ends - model.n_support_
    rows = []
    for i, j in combinations(range(len(model.classes_)), 2):
        row = np.zeros(coefficients.shape[1])
        row[starts[i] : ends[i]] = coefficients[j - 1, starts[i] : ends[i]]
        row[starts[j] : ends[j]] = coefficients[i, starts[j] : ends[j]]
        rows.append(row)
    return _sums(model, source, np.array(rows), model.intercept_)


def _sums(model: Any, source: Node, coefficients: Floats, base: Any) -> Node:
    """Return sums over the support vectors; a linear kernel's become one matrix."""
    if not isinstance(model.kernel, str) or model.kernel == "precomputed":
        raise UnsupportedModelError(
            f"model {type(model).__name__} with a kernel of its own is not one that a plan can express"
        )
    vectors = _dense(model.support_vectors_)
    base = np.asarray(base, np.float64)
    if model.kernel == "linear" or not len(vectors):  # of a constant target there are none
        return Linear(source, coefficients @ vectors, np.zeros(vectors.shape[1]), base)
    kernel = Kernel(model.kernel, float(model._gamma), model.degree, model.coef0)  # noqa: SLF001  (known once fitted)
    return Linear(kernel_values(kernel, source, vectors), coefficients, np.zeros(len(vectors)), base)


def _dense(matrix: Any) -> Floats:
    return np.asarray(matrix.toarray() if hasattr(matrix, "toarray") else matrix, np.float64)
