"""scikit-learn's Gaussian processes: means of the posterior, and probabilities by Laplace's approximation."""

from typing import Any

import numpy as np
from scipy.linalg import solve_triangular
from sklearn.gaussian_process import GaussianProcessClassifier, GaussianProcessRegressor
from sklearn.gaussian_process._gpc import COEFS, LAMBDAS
from sklearn.multiclass import OneVsRestClassifier

from compiler.errors import UnsupportedModelError
from compiler.ir.gaussian_process_kernels import covariances, variance
from compiler.ir.nodes import Concatenate, Floats, Linear, Map, MapConstant, MapPair, Node, Reduce
from compiler.ir.registry import lowers
from device_contract.plan.format import Function, Reduction


@lowers("predict", GaussianProcessRegressor)
def _posterior_mean(model: Any, source: Node) -> Node:
    if not hasattr(model, "X_train_"):
        raise UnsupportedModelError("a GaussianProcessRegressor that is not fitted is not one that a plan can express")
    similar = covariances(model.kernel_, source, model.X_train_)
    weights = np.asarray(model.alpha_, np.float64).reshape(similar.width, -1).T
    spread, mean = np.reshape(model._y_train_std, (-1, 1)), np.reshape(model._y_train_mean, -1)  # noqa: SLF001
    return Linear(similar, weights * spread, np.zeros(similar.width), mean + np.zeros(len(weights)))


@lowers("predict_proba", GaussianProcessClassifier)
def _probabilities(model: Any, source: Node) -> Node:
    fitted = model.base_estimator_
    if isinstance(fitted, OneVsRestClassifier):
        parts = tuple(_second_class(binary, source) for binary in fitted.estimators_)
        probabilities = Concatenate(parts)
        return MapPair(Function.DIVIDE, probabilities, Reduce(Reduction.SUM, probabilities))
    second = _second_class(fitted, source)
    return Concatenate((MapConstant(Function.REVERSE_SUBTRACT, second, np.ones(1)), second))


def _second_class(model: Any, source: Node) -> Node:
    """Average the logistic function over the posterior of the latent value.

    Source: Rasmussen and Williams, "Gaussian Processes for Machine Learning", MIT Press 2006, algorithm 3.2;
    Williams and Barber, "Bayesian Classification with Gaussian Processes", IEEE PAMI 20 (1998), appendix A:
    the logistic function as a sum of five error functions.
    """
    similar = covariances(model.kernel_, source, model.X_train_)
    residual = np.asarray(model.y_train_ - model.pi_, np.float64)
    mean = _matrix(similar, residual[None, :])
    explained = Reduce(
        Reduction.SUM_OF_SQUARES, _matrix(similar, solve_triangular(model.L_, np.diag(model.W_sr_), lower=True))
    )
    spread = MapPair(Function.SUBTRACT, variance(model.kernel_, source), explained)
    slopes = np.asarray(LAMBDAS, np.float64).reshape(-1, 1)
    flattening = Map(
        Function.SQUARE_ROOT, MapConstant(Function.ADD, _matrix(spread, 2 * slopes**2), np.ones(len(slopes)))
    )
    steps = Map(Function.ERROR_FUNCTION, MapPair(Function.DIVIDE, _matrix(mean, slopes), flattening))
    shares = np.asarray(COEFS, np.float64).reshape(1, -1) / 2
    return Linear(steps, shares, np.zeros(shares.shape[1]), shares.sum(axis=1))


def _matrix(source: Node, weights: Floats) -> Node:
    return Linear(source, weights, np.zeros(weights.shape[1]), np.zeros(len(weights)))
