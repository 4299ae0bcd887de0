"""The kernels of scikit-learn's Gaussian processes: of the row and each training point, and of the row and itself.

A kernel that does not depend on the row is a number; sums and products fold numbers together.
"""

from collections.abc import Callable
from functools import singledispatch
from typing import Any

import numpy as np
from sklearn.gaussian_process import kernels

from compiler.errors import UnsupportedModelError
from compiler.ir.distances import Distance
from compiler.ir.nodes import Constant, Floats, Linear, Map, MapConstant, MapPair, Node, Reduce
from compiler.ir.pairwise_kernels import Kernel, kernel_values
from device_contract.plan.format import Function, Metric, Reduction

Numbers = Node | float


def covariances(kernel: Any, source: Node, points: Floats) -> Node:
    """Return the kernel of the row and each of the points, (n_points, n_features).

    Raises:
        UnsupportedModelError: The kernel is not one that a plan can express.
    """
    result = _covariances(kernel, source, np.asarray(points, np.float64))
    return result if isinstance(result, Node) else Constant(np.full(len(points), result))


def variance(kernel: Any, source: Node) -> Node:
    """Return the kernel of the row and itself, one number.

    Raises:
        UnsupportedModelError: The kernel is not one that a plan can express.
    """
    result = _variance(kernel, source)
    return result if isinstance(result, Node) else Constant(np.full(1, result))


@singledispatch
def _covariances(kernel: Any, _: Node, __: Floats) -> Numbers:
    raise UnsupportedModelError(f"the kernel {type(kernel).__name__} is not one that a plan can express")


@_covariances.register
def _(kernel: kernels.ConstantKernel, _: Node, __: Floats) -> Numbers:
    return float(kernel.constant_value)


@_covariances.register
def _(_: kernels.WhiteKernel, __: Node, ___: Floats) -> Numbers:
    return 0.0  # noise: of the same observation alone


@_covariances.register
def _(kernel: kernels.Sum, source: Node, points: Floats) -> Numbers:
    return _combined(Function.ADD, _covariances(kernel.k1, source, points), _covariances(kernel.k2, source, points))


@_covariances.register
def _(kernel: kernels.Product, source: Node, points: Floats) -> Numbers:
    left, right = _covariances(kernel.k1, source, points), _covariances(kernel.k2, source, points)
    return _combined(Function.MULTIPLY, left, right)


@_covariances.register
def _(kernel: kernels.Exponentiation, source: Node, points: Floats) -> Numbers:
    return _raised(_covariances(kernel.kernel, source, points), float(kernel.exponent))


@_covariances.register
def _(kernel: kernels.RBF, source: Node, points: Floats) -> Numbers:
    return Distance(Metric.RADIAL_BASIS, *_scaled(kernel, source, points), 0.5)


@_covariances.register
def _(kernel: kernels.Matern, source: Node, points: Floats) -> Numbers:
    """Source: Rasmussen and Williams, "Gaussian Processes for Machine Learning", MIT Press 2006, (4.17)."""
    if kernel.nu == np.inf:
        return Distance(Metric.RADIAL_BASIS, *_scaled(kernel, source, points), 0.5)
    factors = {0.5: 1.0, 1.5: 3.0, 2.5: 5.0}
    if kernel.nu not in factors:
        raise UnsupportedModelError(f"the kernel Matern with nu={kernel.nu} is not one that a plan can express")
    squares = Distance(Metric.SQUARED_EUCLIDEAN, *_scaled(kernel, source, points))
    gaps = _times(Map(Function.SQUARE_ROOT, squares), factors[kernel.nu] ** 0.5)
    decay = Map(Function.EXPONENTIAL, Map(Function.NEGATIVE, gaps))
    if kernel.nu == 0.5:  # noqa: PLR2004
        return decay
    polynomial = _plus(gaps, 1.0)
    if kernel.nu == 2.5:  # noqa: PLR2004
        polynomial = MapPair(Function.ADD, polynomial, _times(Map(Function.SQUARE, gaps), 1 / 3))
    return MapPair(Function.MULTIPLY, polynomial, decay)


@_covariances.register
def _(kernel: kernels.RationalQuadratic, source: Node, points: Floats) -> Numbers:
    squares = Distance(Metric.SQUARED_EUCLIDEAN, source, points)
    base = _plus(_times(squares, 1 / (2 * kernel.alpha * kernel.length_scale**2)), 1.0)
    return MapConstant(Function.POWER, base, np.full(len(points), -float(kernel.alpha)))


@_covariances.register
def _(kernel: kernels.ExpSineSquared, source: Node, points: Floats) -> Numbers:
    gaps = Map(Function.SQUARE_ROOT, Distance(Metric.SQUARED_EUCLIDEAN, source, points))
    waves = Map(Function.SINE, _times(gaps, np.pi / kernel.periodicity))
    return Map(Function.EXPONENTIAL, _times(Map(Function.SQUARE, waves), -2 / kernel.length_scale**2))


@_covariances.register
def _(kernel: kernels.DotProduct, source: Node, points: Floats) -> Numbers:
    return Linear(source, points, np.zeros(points.shape[1]), np.full(len(points), float(kernel.sigma_0) ** 2))


@_covariances.register
def _(kernel: kernels.PairwiseKernel, source: Node, points: Floats) -> Numbers:
    if not isinstance(kernel.metric, str) or kernel.pairwise_kernels_kwargs:
        raise UnsupportedModelError("a PairwiseKernel of its own is not one that a plan can express")
    return kernel_values(Kernel(kernel.metric, float(kernel.gamma), 3, 1.0), source, points)


@singledispatch
def _variance(kernel: Any, _: Node) -> Numbers:
    raise UnsupportedModelError(f"the kernel {type(kernel).__name__} is not one that a plan can express")


@_variance.register(kernels.RBF)
@_variance.register(kernels.Matern)
@_variance.register(kernels.RationalQuadratic)
@_variance.register(kernels.ExpSineSquared)
def _(_: Any, __: Node) -> Numbers:
    return 1.0


@_variance.register
def _(kernel: kernels.ConstantKernel, _: Node) -> Numbers:
    return float(kernel.constant_value)


@_variance.register
def _(kernel: kernels.WhiteKernel, _: Node) -> Numbers:
    return float(kernel.noise_level)


@_variance.register
def _(kernel: kernels.Sum, source: Node) -> Numbers:
    return _combined(Function.ADD, _variance(kernel.k1, source), _variance(kernel.k2, source))


@_variance.register
def _(kernel: kernels.Product, source: Node) -> Numbers:
    return _combined(Function.MULTIPLY, _variance(kernel.k1, source), _variance(kernel.k2, source))


@_variance.register
def _(kernel: kernels.Exponentiation, source: Node) -> Numbers:
    return _raised(_variance(kernel.kernel, source), float(kernel.exponent))


@_variance.register
def _(kernel: kernels.DotProduct, source: Node) -> Numbers:
    return _plus(Reduce(Reduction.SUM_OF_SQUARES, source), float(kernel.sigma_0) ** 2)


def _scaled(kernel: Any, source: Node, points: Floats) -> tuple[Node, Floats]:
    scale = np.broadcast_to(np.asarray(kernel.length_scale, np.float64), (points.shape[1],))
    return MapConstant(Function.DIVIDE, source, np.array(scale)), points / scale


def _combined(function: Function, left: Numbers, right: Numbers) -> Numbers:
    if isinstance(left, Node) and isinstance(right, Node):
        return MapPair(function, left, right)
    if isinstance(left, Node) and not isinstance(right, Node):
        return MapConstant(function, left, np.full(left.width, right))
    if isinstance(right, Node) and not isinstance(left, Node):
        return MapConstant(function, right, np.full(right.width, left))
    of_numbers: dict[Function, Callable[[Any, Any], float]] = {
        Function.ADD: lambda x, y: x + y,
        Function.MULTIPLY: lambda x, y: x * y,
    }
    return of_numbers[function](left, right)


def _raised(base: Numbers, exponent: float) -> Numbers:
    if isinstance(base, Node):
        return MapConstant(Function.POWER, base, np.full(base.width, exponent))
    return float(base**exponent)


def _times(source: Node, factor: float) -> Node:
    return MapConstant(Function.MULTIPLY, source, np.full(source.width, factor))


def _plus(source: Node, term: float) -> Node:
    return MapConstant(Function.ADD, source, np.full(source.width, term))
