"""scikit-learn's multi-layer perceptrons: a matrix and a function, layer after layer.

They are computed in float32 where nothing but scalers comes before them: half the bytes to
read, twice the numbers a vector instruction. A scaler's mean is subtracted in two parts, so
that a feature far from zero loses nothing (``compiler.backends.operations.elementwise``);
then each layer adds rounding errors of about 1e-7 of its largest term.
"""

from typing import Any

import numpy as np
from sklearn import neural_network, preprocessing
from sklearn.pipeline import Pipeline

from compiler.errors import UnsupportedModelError
from compiler.ir.nodes import BinarySigmoid, Linear, Map, Node, Softmax
from compiler.ir.registry import lowers
from device_contract.plan.format import Function

_ACTIVATIONS = {
    "logistic": Function.SIGMOID,
    "tanh": Function.TANH,
    "relu": Function.RELU,
    "exp": Function.EXPONENTIAL,
}
_NETWORKS = (neural_network.MLPClassifier, neural_network.MLPRegressor)
_SCALERS = (
    preprocessing.MaxAbsScaler,
    preprocessing.MinMaxScaler,
    preprocessing.RobustScaler,
    preprocessing.StandardScaler,
)


def is_network(estimator: Any) -> bool:
    """Tell whether a model is a perceptron, or scalers and then one."""
    if not isinstance(estimator, Pipeline):
        return type(estimator) in _NETWORKS
    *before, last = [step for _, step in estimator.steps]
    scales = all(step is None or step == "passthrough" or type(step) in _SCALERS for step in before)
    return scales and is_network(last)


@lowers("predict", neural_network.MLPRegressor)
def _regressor(network: Any, source: Node) -> Node:
    return _activated(network.out_activation_, _last_layer(network, source))


@lowers("predict_proba", neural_network.MLPClassifier)
def _classifier(network: Any, source: Node) -> Node:
    scores = _last_layer(network, source)
    if network.out_activation_ == "softmax":
        return Softmax(scores)
    if scores.width > 1:
        raise UnsupportedModelError(
            "an MLPClassifier of several labels at once is not one that a plan can express; train one for each label"
        )
    return BinarySigmoid(scores)


def _last_layer(network: Any, source: Node) -> Node:
    layers = list(zip(network.coefs_, network.intercepts_, strict=True))
    for number, (weights, base) in enumerate(layers):
        if number:
            source = _activated(network.activation, source)
        matrix = np.asarray(weights, np.float64).T
        source = Linear(source, matrix, np.zeros(matrix.shape[1]), np.asarray(base, np.float64))
    return source


def _activated(name: str, source: Node) -> Node:
    return source if name == "identity" else Map(_ACTIVATIONS[name], source)
