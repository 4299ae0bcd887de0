"""scikit-learn's dummies: what does not look at the row."""

from typing import Any

import numpy as np
from sklearn.dummy import DummyClassifier, DummyRegressor

from compiler.errors import UnsupportedModelError
from compiler.ir.nodes import Constant, Node
from compiler.ir.registry import lowers


@lowers("predict", DummyRegressor, composes=True)
def _value(model: Any, _: Node) -> Node:
    return Constant(np.asarray(model.constant_, np.float64).reshape(-1))


@lowers("predict_proba", DummyClassifier, composes=True)
def _probabilities(model: Any, _: Node) -> Node:
    if model.strategy == "stratified" or model.n_outputs_ > 1:
        raise UnsupportedModelError("model DummyClassifier draws at random, or classifies several targets at once")
    return Constant(np.asarray(model.predict_proba(np.zeros((1, 1)))[0], np.float64))
