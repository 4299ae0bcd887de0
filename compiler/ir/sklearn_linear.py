"""scikit-learn's linear models: one matrix, and a link."""

import dataclasses
from typing import Any

import numpy as np
from scipy.sparse import issparse
from sklearn import cross_decomposition, linear_model, svm

from compiler.errors import UnsupportedModelError
from compiler.ir.nodes import (
    BinarySigmoid,
    Concatenate,
    Linear,
    Map,
    MapConstant,
    MapPair,
    Node,
    Reduce,
    SigmoidNormalized,
    Softmax,
)
from compiler.ir.registry import lower, lowers
from device_contract.plan.format import Function, Reduction

_REGRESSORS = (
    linear_model.ARDRegression,
    linear_model.BayesianRidge,
    linear_model.ElasticNet,
    linear_model.ElasticNetCV,
    linear_model.HuberRegressor,
    linear_model.Lars,
    linear_model.LarsCV,
    linear_model.Lasso,
    linear_model.LassoCV,
    linear_model.LassoLars,
    linear_model.LassoLarsCV,
    linear_model.LassoLarsIC,
    linear_model.LinearRegression,
    linear_model.MultiTaskElasticNet,
    linear_model.MultiTaskElasticNetCV,
    linear_model.MultiTaskLasso,
    linear_model.MultiTaskLassoCV,
    linear_model.OrthogonalMatchingPursuit,
    linear_model.OrthogonalMatchingPursuitCV,
    linear_model.PassiveAggressiveRegressor,
    linear_model.QuantileRegressor,
    linear_model.Ridge,
    linear_model.RidgeCV,
    linear_model.SGDRegressor,
    linear_model.TheilSenRegressor,
    svm.LinearSVR,
)
_LOG_LINK_REGRESSORS = (linear_model.PoissonRegressor, linear_model.GammaRegressor)
_MARGIN_CLASSIFIERS = (
    linear_model.PassiveAggressiveClassifier,
    linear_model.Perceptron,
    linear_model.RidgeClassifier,
    linear_model.RidgeClassifierCV,
    svm.LinearSVC,
)
_LOGISTIC_CLASSIFIERS = (linear_model.LogisticRegression, linear_model.LogisticRegressionCV)


@lowers("predict", *_REGRESSORS)
def _regressor(model: Any, source: Node) -> Node:
    return _linear(model, source)


@lowers("predict", *_LOG_LINK_REGRESSORS)
def _log_link_regressor(model: Any, source: Node) -> Node:
    return Map(Function.EXPONENTIAL, _linear(model, source))


@lowers("decision_function", *_MARGIN_CLASSIFIERS, *_LOGISTIC_CLASSIFIERS, linear_model.SGDClassifier)
def _margins(model: Any, source: Node) -> Node:
    return _linear(model, source)


@lowers("predict_proba", *_LOGISTIC_CLASSIFIERS)
def _logistic(model: Any, source: Node) -> Node:
    if getattr(model, "multi_class", "deprecated") not in {"deprecated", "auto"}:
        raise UnsupportedModelError(f"model {type(model).__name__} with multi_class={model.multi_class!r}")
    return _probabilities(_linear(model, source), one_against_rest=model.solver == "liblinear")


@lowers("predict_proba", linear_model.SGDClassifier)
def _sgd_classifier(model: Any, source: Node) -> Node:
    if model.loss == "modified_huber":
        return _huber_probabilities(_linear(model, source))
    return _probabilities(_linear(model, source), one_against_rest=True)


@lowers("predict", linear_model.TweedieRegressor)
def _tweedie_regressor(model: Any, source: Node) -> Node:
    has_log_link = model.link == "log" or (model.link == "auto" and model.power > 0)
    return Map(Function.EXPONENTIAL, _linear(model, source)) if has_log_link else _linear(model, source)


@lowers("predict", linear_model.RANSACRegressor)
def _consensus(model: Any, source: Node) -> Node:
    return lower(model.estimator_, "predict", source)


@lowers("predict", cross_decomposition.CCA, cross_decomposition.PLSCanonical, cross_decomposition.PLSRegression)
def _partial_least_squares(model: Any, source: Node) -> Node:
    return dataclasses.replace(_linear(model, source), center=np.asarray(model._x_mean, np.float64))  # noqa: SLF001


def _huber_probabilities(scores: Node) -> Node:
    """Return ``(clip(score, -1, 1) + 1) / 2``; of several classes divided by their sum, all equal if it is 0."""
    n = scores.width
    clipped = MapConstant(Function.MINIMUM, MapConstant(Function.MAXIMUM, scores, np.full(n, -1.0)), np.ones(n))
    shares = MapConstant(Function.DIVIDE, MapConstant(Function.ADD, clipped, np.ones(n)), np.full(n, 2.0))
    if n == 1:
        return Concatenate((MapConstant(Function.REVERSE_SUBTRACT, shares, np.ones(1)), shares))
    none = MapConstant(Function.EQUAL, Reduce(Reduction.SUM, shares), np.zeros(1))
    numbers = MapPair(Function.ADD, shares, none)
    return MapPair(Function.DIVIDE, numbers, Reduce(Reduction.SUM, numbers))


def _probabilities(scores: Node, *, one_against_rest: bool) -> Node:
    if scores.width == 1:
        return BinarySigmoid(scores)
    return SigmoidNormalized(scores) if one_against_rest else Softmax(scores)


def _linear(model: Any, source: Node) -> Linear:
    coefficients = model.coef_.toarray() if issparse(model.coef_) else model.coef_
    weights = np.atleast_2d(np.asarray(coefficients, np.float64))
    base = np.broadcast_to(np.asarray(model.intercept_, np.float64).reshape(-1), (len(weights),))
    return Linear(source, weights, np.zeros(weights.shape[1]), np.array(base))
