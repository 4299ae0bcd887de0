"""scikit-learn's linear models: one matrix, and a link."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from scipy.sparse import issparse
from sklearn import linear_model, svm

from compiler.errors import UnsupportedModelError
from compiler.ir.nodes import Linear, Link, Node

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
    linear_model.QuantileRegressor,
    linear_model.Ridge,
    linear_model.RidgeCV,
    linear_model.SGDRegressor,
    linear_model.TheilSenRegressor,
    svm.LinearSVR,
)
_LOG_LINK_REGRESSORS = (linear_model.PoissonRegressor, linear_model.GammaRegressor)
_MARGIN_CLASSIFIERS = (
    linear_model.Perceptron,
    linear_model.RidgeClassifier,
    linear_model.RidgeClassifierCV,
    svm.LinearSVC,
)
_LOGISTIC_CLASSIFIERS = (linear_model.LogisticRegression, linear_model.LogisticRegressionCV)


def _regressor(model: Any) -> tuple[Node, ...]:
    return (_linear(model),)


def _log_link_regressor(model: Any) -> tuple[Node, ...]:
    return (_linear(model), Link("exponential"))


def _logistic(model: Any) -> tuple[Node, ...]:
    if getattr(model, "multi_class", "deprecated") not in {"deprecated", "auto"}:
        raise UnsupportedModelError(f"model {type(model).__name__} with multi_class={model.multi_class!r}")
    return _probabilities(model, one_against_rest=model.solver == "liblinear")


def _sgd_classifier(model: Any) -> tuple[Node, ...]:
    if model.loss == "log_loss":
        return _probabilities(model, one_against_rest=True)
    if model.loss == "modified_huber":
        raise UnsupportedModelError("model SGDClassifier with loss='modified_huber' is not one that a plan can express")
    return _margins(model)


def _probabilities(model: Any, *, one_against_rest: bool) -> tuple[Node, ...]:
    linear = _linear(model)
    if len(linear.base) == 1:
        return (linear, Link("binary_sigmoid"))
    return (linear, Link("sigmoid_normalized" if one_against_rest else "softmax"))


def _margins(model: Any) -> tuple[Node, ...]:
    """Decision scores, one a class: the two of a binary classifier mirror each other."""
    linear = _linear(model)
    if len(linear.base) > 1:
        return (linear,)
    weights = np.concatenate([-linear.weights, linear.weights])
    return (Linear(weights, linear.center, np.concatenate([-linear.base, linear.base])),)


def _linear(model: Any) -> Linear:
    coefficients = model.coef_.toarray() if issparse(model.coef_) else model.coef_
    weights = np.atleast_2d(np.asarray(coefficients, np.float64))
    base = np.broadcast_to(np.asarray(model.intercept_, np.float64).reshape(-1), (len(weights),))
    return Linear(weights, np.zeros(weights.shape[1]), np.array(base))


LINEAR_MODELS: Mapping[type, Callable[[Any], tuple[Node, ...]]] = MappingProxyType(
    {
        **dict.fromkeys(_REGRESSORS, _regressor),
        **dict.fromkeys(_LOG_LINK_REGRESSORS, _log_link_regressor),
        **dict.fromkeys(_LOGISTIC_CLASSIFIERS, _logistic),
        **dict.fromkeys(_MARGIN_CLASSIFIERS, _margins),
        linear_model.SGDClassifier: _sgd_classifier,
    }
)
