"""The way back of scikit-learn's transformers, for targets that were transformed before they were learnt."""

from typing import Any

import numpy as np
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, PowerTransformer, RobustScaler, StandardScaler

from compiler.ir.arithmetic import clipped, joined, with_constant
from compiler.ir.nodes import Floats, Map, MapPair, Node, Select
from compiler.ir.registry import lower, lowers
from device_contract.plan.format import Function


@lowers("inverse_transform", StandardScaler)
def _standard(scaler: Any, source: Node) -> Node:
    source = with_constant(Function.MULTIPLY, source, scaler.scale_) if scaler.with_std else source
    return with_constant(Function.ADD, source, scaler.mean_) if scaler.with_mean else source


@lowers("inverse_transform", RobustScaler)
def _robust(scaler: Any, source: Node) -> Node:
    source = with_constant(Function.MULTIPLY, source, scaler.scale_) if scaler.with_scaling else source
    return with_constant(Function.ADD, source, scaler.center_) if scaler.with_centering else source


@lowers("inverse_transform", MaxAbsScaler)
def _max_abs(scaler: Any, source: Node) -> Node:
    return with_constant(Function.MULTIPLY, source, scaler.scale_)


@lowers("inverse_transform", MinMaxScaler)
def _min_max(scaler: Any, source: Node) -> Node:
    held = clipped(source, *scaler.feature_range) if scaler.clip else source
    return with_constant(Function.DIVIDE, with_constant(Function.SUBTRACT, held, scaler.min_), scaler.scale_)


@lowers("inverse_transform", PowerTransformer)
def _power(transformer: Any, source: Node) -> Node:
    lambdas = np.asarray(transformer.lambdas_, np.float64)
    if transformer.standardize:
        source = lower(transformer._scaler, "inverse_transform", source)  # noqa: SLF001  (it has no public name)
    if transformer.method == "box-cox":
        return Map(Function.EXPONENTIAL, _logarithms(source, lambdas))
    above = _logarithms(with_constant(Function.MAXIMUM, source, 0.0), lambdas)
    below = _logarithms(with_constant(Function.MAXIMUM, Map(Function.NEGATIVE, source), 0.0), 2 - lambdas)
    # One of the two is zero.
    return MapPair(Function.SUBTRACT, *(Map(Function.EXPONENTIAL_M1, side) for side in (above, below)))


def _logarithms(powers: Node, exponents: Floats) -> Node:
    """Return ``log(1 + exponent * power) / exponent``, and the power itself for an exponent of 0."""
    is_zero = np.abs(exponents) < np.finfo(np.float64).eps
    safe = np.where(is_zero, 1.0, exponents)
    scaled = Map(Function.LOGARITHM_1P, with_constant(Function.MULTIPLY, powers, safe))
    logarithms = with_constant(Function.DIVIDE, scaled, safe)
    if not is_zero.any():
        return logarithms
    places = np.arange(len(exponents)) + np.where(is_zero, len(exponents), 0)
    return Select(joined([logarithms, powers]), tuple(places.tolist()))
