"""scikit-learn's scalers as elementwise nodes, in the order of their own arithmetic."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, RobustScaler, StandardScaler

from compiler.errors import UnsupportedModelError
from compiler.ir.nodes import Elementwise, Operator


def _standard(scaler: Any) -> tuple[Elementwise, ...]:
    return _nodes(
        ("subtract", scaler.mean_ if scaler.with_mean else None),
        ("divide", scaler.scale_ if scaler.with_std else None),
    )


def _robust(scaler: Any) -> tuple[Elementwise, ...]:
    return _nodes(("subtract", scaler.center_), ("divide", scaler.scale_))


def _max_abs(scaler: Any) -> tuple[Elementwise, ...]:
    if getattr(scaler, "clip", False):
        raise UnsupportedModelError("step MaxAbsScaler with clip=True is not one that a plan can express")
    return _nodes(("divide", scaler.scale_))


def _min_max(scaler: Any) -> tuple[Elementwise, ...]:
    if scaler.clip:
        raise UnsupportedModelError("step MinMaxScaler with clip=True is not one that a plan can express")
    return _nodes(("multiply", scaler.scale_), ("add", scaler.min_))


def _nodes(*steps: tuple[Operator, Any]) -> tuple[Elementwise, ...]:
    nodes = [Elementwise(name, np.asarray(operand, np.float64)) for name, operand in steps if operand is not None]
    for node in nodes:
        if not np.isfinite(node.operand).all():
            raise UnsupportedModelError("a scaler's parameters are not finite")
        if node.operator in {"multiply", "divide"} and (node.operand <= 0).any():
            raise UnsupportedModelError("a scaler's factors are not all above zero")
    return tuple(nodes)


SCALERS: Mapping[type, Callable[[Any], tuple[Elementwise, ...]]] = MappingProxyType(
    {StandardScaler: _standard, RobustScaler: _robust, MaxAbsScaler: _max_abs, MinMaxScaler: _min_max}
)
