"""scikit-learn's outlier detectors that are no trees, neighbours or support vectors."""

from typing import Any

import numpy as np
from sklearn.covariance import EllipticEnvelope
from sklearn.linear_model import SGDOneClassSVM

from compiler.ir.nodes import Linear, MapConstant, MapPair, Node, Reduce
from compiler.ir.registry import lowers
from device_contract.plan.format import Function, Reduction


@lowers("decision_function", EllipticEnvelope)
def _envelope(model: Any, source: Node) -> Node:
    """Take the squared Mahalanobis distance off that of the envelope."""
    location, precision = np.asarray(model.location_, np.float64), np.asarray(model.precision_, np.float64)
    centered = MapConstant(Function.SUBTRACT, source, location)
    products = MapPair(Function.MULTIPLY, centered, Linear(source, precision, location, np.zeros(len(location))))
    return MapConstant(Function.REVERSE_SUBTRACT, Reduce(Reduction.SUM, products), np.full(1, -float(model.offset_)))


@lowers("decision_function", SGDOneClassSVM)
def _one_class(model: Any, source: Node) -> Node:
    weights = np.atleast_2d(np.asarray(model.coef_, np.float64))
    return Linear(source, weights, np.zeros(weights.shape[1]), -np.asarray(model.offset_, np.float64).reshape(-1))
