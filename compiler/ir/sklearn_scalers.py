"""scikit-learn's scalers, in the order of their own arithmetic."""

from typing import Any

import numpy as np
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, RobustScaler, StandardScaler

from compiler.errors import UnsupportedModelError
from compiler.ir.nodes import MapConstant, Node
from compiler.ir.registry import lowers
from device_contract.plan.format import Function


@lowers("transform", StandardScaler)
def _standard(scaler: Any, source: Node) -> Node:
    source = _apply(Function.SUBTRACT, source, scaler.mean_ if scaler.with_mean else None)
    return _apply(Function.DIVIDE, source, scaler.scale_ if scaler.with_std else None)


@lowers("transform", RobustScaler)
def _robust(scaler: Any, source: Node) -> Node:
    return _apply(Function.DIVIDE, _apply(Function.SUBTRACT, source, scaler.center_), scaler.scale_)


@lowers("transform", MaxAbsScaler)
def _max_abs(scaler: Any, source: Node) -> Node:
    scaled = _apply(Function.DIVIDE, source, scaler.scale_)
    return _clipped(scaled, -1.0, 1.0) if getattr(scaler, "clip", False) else scaled


@lowers("transform", MinMaxScaler)
def _min_max(scaler: Any, source: Node) -> Node:
    scaled = _apply(Function.ADD, _apply(Function.MULTIPLY, source, scaler.scale_), scaler.min_)
    return _clipped(scaled, *scaler.feature_range) if scaler.clip else scaled


def _clipped(source: Node, low: float, high: float) -> Node:
    above = MapConstant(Function.MAXIMUM, source, np.full(source.width, low))
    return MapConstant(Function.MINIMUM, above, np.full(source.width, high))


def _apply(function: Function, source: Node, operand: Any) -> Node:
    if operand is None:
        return source
    constants = np.asarray(operand, np.float64)
    if not np.isfinite(constants).all():
        raise UnsupportedModelError("a scaler's parameters are not finite")
    return MapConstant(function, source, constants)
