"""scikit-learn's naive Bayes classifiers: the joint log likelihood of each class, then softmax."""

from collections.abc import Callable
from itertools import accumulate
from typing import Any

import numpy as np
from sklearn import naive_bayes

from compiler.ir.distances import Distance, SumRows
from compiler.ir.nodes import Floats, Linear, Map, MapConstant, MapPair, Node, Softmax
from compiler.ir.registry import lowers
from device_contract.plan.format import Function, Metric


def _gaussian(model: Any, source: Node) -> Node:
    variance = np.asarray(model.var_, np.float64)
    squares = Distance(Metric.WEIGHTED_SQUARES, source, np.asarray(model.theta_, np.float64), weights=0.5 / variance)
    base = np.log(model.class_prior_) - 0.5 * np.log(2.0 * np.pi * variance).sum(axis=1)
    return MapConstant(Function.REVERSE_SUBTRACT, squares, base)


def _multinomial(model: Any, source: Node) -> Node:
    return _weighted(source, model.feature_log_prob_, model.class_log_prior_)


def _complement(model: Any, source: Node) -> Node:
    weights = np.asarray(model.feature_log_prob_, np.float64)
    return _weighted(source, weights, model.class_log_prior_ if len(weights) == 1 else np.zeros(len(weights)))


def _bernoulli(model: Any, source: Node) -> Node:
    if model.binarize is not None:
        source = MapConstant(Function.GREATER, source, np.full(source.width, float(model.binarize)))
    present = np.asarray(model.feature_log_prob_, np.float64)
    absent = np.log(1 - np.exp(present))
    return _weighted(source, present - absent, model.class_log_prior_ + absent.sum(axis=1))


def _categorical(model: Any, source: Node) -> Node:
    """Add up each category's row of log probabilities; the table's first row, of NaN, is for those never seen."""
    tables = [np.asarray(table, np.float64).T for table in model.feature_log_prob_]
    sizes = [len(table) for table in tables]
    # scikit-learn takes the whole part: 0 of anything above -1.
    number = MapConstant(Function.MAXIMUM, Map(Function.FLOOR, source), np.zeros(len(sizes)))
    known = MapPair(
        Function.MULTIPLY,
        MapConstant(Function.GREATER, source, np.full(len(sizes), -1.0)),
        MapConstant(Function.LESS, number, np.array(sizes, np.float64)),
    )
    starts = np.array(list(accumulate(sizes[:-1], initial=1)), np.float64)
    position = MapPair(Function.MULTIPLY, MapConstant(Function.ADD, number, starts), known)
    unseen = np.full((1, tables[0].shape[1]), np.nan)
    likelihood = SumRows(position, np.concatenate([unseen, *tables]))
    return MapConstant(Function.ADD, likelihood, np.asarray(model.class_log_prior_, np.float64))


def _weighted(source: Node, weights: Any, base: Any) -> Node:
    matrix: Floats = np.asarray(weights, np.float64)
    return Linear(source, matrix, np.zeros(matrix.shape[1]), np.asarray(base, np.float64))


def _register(kind: type, likelihood: Callable[[Any, Node], Node]) -> None:
    lowers("predict_proba", kind)(lambda model, source: Softmax(likelihood(model, source)))


for _kind, _likelihood in (
    (naive_bayes.GaussianNB, _gaussian),
    (naive_bayes.MultinomialNB, _multinomial),
    (naive_bayes.ComplementNB, _complement),
    (naive_bayes.BernoulliNB, _bernoulli),
    (naive_bayes.CategoricalNB, _categorical),
):
    _register(_kind, _likelihood)
