"""scikit-learn's Gaussian mixtures."""

from typing import Any

import numpy as np
from sklearn import mixture

from compiler.ir.distances import Distance
from compiler.ir.nodes import Concatenate, Linear, MapConstant, Node, Reduce, Softmax
from compiler.ir.registry import lowers
from device_contract.plan.format import Function, Metric, Reduction

_MIXTURES = (mixture.GaussianMixture, mixture.BayesianGaussianMixture)


@lowers("score_samples", *_MIXTURES)
def _log_likelihood(model: Any, source: Node) -> Node:
    return Reduce(Reduction.LOG_SUM_EXP, _log_probabilities(model, source))


@lowers("predict_proba", *_MIXTURES)
def _responsibilities(model: Any, source: Node) -> Node:
    return Softmax(_log_probabilities(model, source))


@lowers("predict", *_MIXTURES)
def _component(model: Any, source: Node) -> Node:
    return Reduce(Reduction.POSITION_OF_GREATEST, _log_probabilities(model, source))


def _log_probabilities(model: Any, source: Node) -> Node:
    """Return each component's weighted log probability: half its squared Mahalanobis distance below its peak."""
    halves = MapConstant(Function.MULTIPLY, _squares(model, source), np.full(model.n_components, 0.5))
    peaks = np.diag(model._estimate_weighted_log_prob(np.asarray(model.means_)))  # noqa: SLF001  (at each mean)
    return MapConstant(Function.REVERSE_SUBTRACT, halves, np.array(peaks, np.float64))


def _squares(model: Any, source: Node) -> Node:
    means = np.asarray(model.means_, np.float64)
    factors = np.asarray(model.precisions_cholesky_, np.float64)
    match model.covariance_type:
        case "full":
            parts = [
                Linear(source, factor.T, mean, np.zeros(len(mean))) for mean, factor in zip(means, factors, strict=True)
            ]
            return Concatenate(tuple(Reduce(Reduction.SUM_OF_SQUARES, part) for part in parts))
        case "tied":
            whitened = Linear(source, factors.T, means[0], np.zeros(means.shape[1]))
            return Distance(Metric.SQUARED_EUCLIDEAN, whitened, (means - means[0]) @ factors)
        case _:  # diagonal, or one number a component
            weights = np.broadcast_to(factors.reshape(len(means), -1) ** 2, means.shape)
            return Distance(Metric.WEIGHTED_SQUARES, source, means, weights=np.array(weights))
