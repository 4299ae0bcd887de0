"""The kernels of scikit-learn's kernel methods: one number for each point that was learnt."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from compiler.errors import UnsupportedModelError
from compiler.ir.distances import Distance
from compiler.ir.nodes import Floats, Linear, Map, MapConstant, MapPair, Node, Reduce
from device_contract.plan.format import Function, Metric, Reduction

_MAX_DEGREE = 64
_NO_LENGTH = 10 * float(np.finfo(np.float64).eps)


@dataclass(frozen=True)
class Kernel:
    """A kernel by scikit-learn's name, and its parameters."""

    name: str
    gamma: float = 1.0
    degree: float = 3
    coef0: float = 0.0


def kernel_of(estimator: Any, n_features: int) -> Kernel:
    """Return the kernel of an estimator with ``kernel``, ``gamma``, ``degree`` and ``coef0``.

    Raises:
        UnsupportedModelError: It is a function, or has parameters by other names.
    """
    if not isinstance(estimator.kernel, str) or getattr(estimator, "kernel_params", None):
        raise UnsupportedModelError(
            f"{type(estimator).__name__} with a kernel of its own is not one that a plan can express"
        )
    gamma = getattr(estimator, "gamma_", None) or estimator.gamma
    degree = 3 if estimator.degree is None else estimator.degree
    coef0 = 1 if estimator.coef0 is None else estimator.coef0
    return Kernel(estimator.kernel, 1.0 / n_features if gamma is None else float(gamma), degree, float(coef0))


def kernel_values(kernel: Kernel, source: Node, points: Floats) -> Node:
    """Return the kernel of the source and each of the points, (n_points, n_features).

    Raises:
        UnsupportedModelError: The kernel is not one that a plan can express.
    """
    points = np.asarray(points, np.float64)
    match kernel.name:
        case "rbf":
            return Distance(Metric.RADIAL_BASIS, source, points, kernel.gamma)
        case "laplacian":
            gaps = Distance(Metric.MANHATTAN, source, points)
            return Map(Function.EXPONENTIAL, MapConstant(Function.MULTIPLY, gaps, np.full(len(points), -kernel.gamma)))
        case "linear":
            return _products(source, points)
        case "poly" | "polynomial":
            return power(_products(source, points, kernel.gamma, kernel.coef0), kernel.degree)
        case "sigmoid":
            return Map(Function.TANH, _products(source, points, kernel.gamma, kernel.coef0))
        case "cosine":
            return _products(unit_length(source), points_of_unit_length(points))
        case _:
            raise UnsupportedModelError(f"kernel {kernel.name!r} is not one that a plan can express")


def power(source: Node, degree: float) -> Node:
    """Return the source to a power; a whole one by squaring, as libsvm does."""
    if degree != int(degree) or not 0 < degree <= _MAX_DEGREE:
        return MapConstant(Function.POWER, source, np.full(source.width, float(degree)))
    if degree == 1:
        return source
    half = Map(Function.SQUARE, power(source, degree // 2))
    return MapPair(Function.MULTIPLY, half, source) if degree % 2 else half


def unit_length(source: Node) -> Node:
    """Return the source divided by its Euclidean length; next to zero as it is, as scikit-learn leaves it."""
    length = Map(Function.SQUARE_ROOT, Reduce(Reduction.SUM_OF_SQUARES, source))
    is_nothing = MapConstant(Function.LESS, length, np.full(1, _NO_LENGTH))
    return MapPair(Function.DIVIDE, source, MapPair(Function.MAXIMUM, length, is_nothing))


def points_of_unit_length(points: Floats) -> Floats:
    """Return points, (n_points, n_features), divided by their lengths as ``unit_length`` does."""
    lengths = np.linalg.norm(points, axis=1, keepdims=True)
    return points / np.where(lengths < _NO_LENGTH, 1.0, lengths)


def _products(source: Node, points: Floats, scale: float = 1.0, base: float = 0.0) -> Node:
    return Linear(source, points * scale, np.zeros(points.shape[1]), np.full(len(points), base))
