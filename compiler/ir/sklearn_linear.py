"""scikit-learn's linear models: one matrix, and a link."""

from typing import Any

import numpy as np
from scipy.sparse import issparse
from sklearn import linear_model, svm

from compiler.errors import UnsupportedModelError
from compiler.ir.nodes import BinarySigmoid, Linear, Map, Node, SigmoidNormalized, Softmax
from compiler.ir.registry import lowers
from device_contract.plan.format import Function

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
        raise UnsupportedModelError("model SGDClassifier with loss='modified_huber' is not one that a plan can express")
    return _probabilities(_linear(model, source), one_against_rest=True)


def _probabilities(scores: Node, *, one_against_rest: bool) -> Node:
    if scores.width == 1:
        return BinarySigmoid(scores)
    return SigmoidNormalized(scores) if one_against_rest else Softmax(scores)


def _linear(model: Any, source: Node) -> Linear:
    coefficients = model.coef_.toarray() if issparse(model.coef_) else model.coef_
    weights = np.atleast_2d(np.asarray(coefficients, np.float64))
    base = np.broadcast_to(np.asarray(model.intercept_, np.float64).reshape(-1), (len(weights),))
    return Linear(source, weights, np.zeros(weights.shape[1]), np.array(base))
