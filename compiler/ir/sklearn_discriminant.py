"""scikit-learn's linear and quadratic discriminant analysis."""

from typing import Any

import numpy as np
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis

from compiler.ir.nodes import BinarySigmoid, Concatenate, Linear, MapConstant, Node, Reduce, Softmax
from compiler.ir.registry import lowers
from device_contract.plan.format import Function, Reduction


@lowers("decision_function", LinearDiscriminantAnalysis)
def _linear_margins(model: Any, source: Node) -> Node:
    weights = np.asarray(model.coef_, np.float64)
    return Linear(source, weights, np.zeros(weights.shape[1]), np.asarray(model.intercept_, np.float64))


@lowers("predict_proba", LinearDiscriminantAnalysis)
def _linear_probabilities(model: Any, source: Node) -> Node:
    scores = _linear_margins(model, source)
    return BinarySigmoid(scores) if scores.width == 1 else Softmax(scores)


@lowers("transform", LinearDiscriminantAnalysis)
def _projection(model: Any, source: Node) -> Node:
    weights = np.asarray(model.scalings_, np.float64)[:, : model._max_components].T  # noqa: SLF001  (the dimensions kept)
    center = np.asarray(model.xbar_, np.float64) if model.solver == "svd" else np.zeros(weights.shape[1])
    return Linear(source, weights, center, np.zeros(len(weights)))


@lowers("decision_function", QuadraticDiscriminantAnalysis)
def _quadratic_margins(model: Any, source: Node) -> Node:
    scores = _log_posteriors(model, source)
    if scores.width > 2:  # noqa: PLR2004
        return scores
    return Linear(scores, np.array([[-1.0, 1.0]]), np.zeros(2), np.zeros(1))


@lowers("predict_proba", QuadraticDiscriminantAnalysis)
def _quadratic_probabilities(model: Any, source: Node) -> Node:
    return Softmax(_log_posteriors(model, source))


def _log_posteriors(model: Any, source: Node) -> Node:
    """Return each class's log posterior, but for a term that they share: squares along its own axes."""
    squares, bases = [], []
    for rotation, scaling, mean, prior in zip(
        model.rotations_, model.scalings_, model.means_, model.priors_, strict=True
    ):
        axes = (rotation * scaling**-0.5).T
        squares.append(Reduce(Reduction.SUM_OF_SQUARES, Linear(source, axes, np.asarray(mean), np.zeros(len(axes)))))
        bases.append(np.log(prior) - 0.5 * np.log(scaling).sum())
    halved = MapConstant(Function.MULTIPLY, Concatenate(tuple(squares)), np.full(len(squares), 0.5))
    return MapConstant(Function.REVERSE_SUBTRACT, halved, np.array(bases, np.float64))
