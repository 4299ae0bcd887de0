"""scikit-learn's transformers that are formulas of single values or rows."""

from typing import Any, Final

import numpy as np
from scipy import special
from sklearn import preprocessing
from sklearn.feature_extraction.text import TfidfTransformer

from compiler.errors import UnsupportedModelError
from compiler.ir.arithmetic import joined, matrix, missing_unless, with_constant
from compiler.ir.nodes import Constant, Floats, Map, MapPair, Node, Reduce, Select
from compiler.ir.registry import lower, lowers
from device_contract.plan.format import Function, Reduction

_LEAST_NORM: Final = 10 * float(np.finfo(np.float64).eps)
"""scikit-learn divides by 1 what has a smaller norm."""
_FUNCTIONS: Final[dict[Any, Function]] = {
    np.negative: Function.NEGATIVE,
    np.abs: Function.ABSOLUTE,
    np.fabs: Function.ABSOLUTE,
    np.square: Function.SQUARE,
    np.sqrt: Function.SQUARE_ROOT,
    np.reciprocal: Function.RECIPROCAL,
    np.exp: Function.EXPONENTIAL,
    np.expm1: Function.EXPONENTIAL_M1,
    np.log: Function.LOGARITHM,
    np.log1p: Function.LOGARITHM_1P,
    np.tanh: Function.TANH,
    np.cos: Function.COSINE,
    np.sin: Function.SINE,
    np.floor: Function.FLOOR,
    np.ceil: Function.CEILING,
    np.rint: Function.ROUND,
    np.sign: Function.SIGN,
    special.expit: Function.SIGMOID,
    special.erf: Function.ERROR_FUNCTION,
}
_NORMS: Final = {
    "l1": Reduction.SUM_OF_ABSOLUTES,
    "l2": Reduction.SUM_OF_SQUARES,
    "max": Reduction.GREATEST,
}


@lowers("transform", preprocessing.FunctionTransformer, composes=True)
def _function(transformer: Any, source: Node) -> Node:
    return _applied(transformer.func, transformer.kw_args, source)


@lowers("inverse_transform", preprocessing.FunctionTransformer, composes=True)
def _inverse_function(transformer: Any, source: Node) -> Node:
    return _applied(transformer.inverse_func, transformer.inv_kw_args, source)


def _applied(function: Any, arguments: Any, source: Node) -> Node:
    if function is None:
        return source
    if arguments or function not in _FUNCTIONS:
        name = getattr(function, "__name__", type(function).__name__)
        raise UnsupportedModelError(f"step FunctionTransformer of {name} is not one that a plan can express")
    return Map(_FUNCTIONS[function], source)


@lowers("transform", preprocessing.Binarizer)
def _binarizer(binarizer: Any, source: Node) -> Node:
    return with_constant(Function.GREATER, source, binarizer.threshold)


@lowers("transform", preprocessing.Normalizer)
def _normalizer(normalizer: Any, source: Node) -> Node:
    return unit_norm(source, normalizer.norm)


def unit_norm(source: Node, norm: str, least: float = _LEAST_NORM) -> Node:
    """Return the source divided by its norm: ``l1``, ``l2`` or ``max``; a row of a smaller norm as it is."""
    sizes = Map(Function.ABSOLUTE, source) if norm == "max" else source
    length: Node = Reduce(_NORMS[norm], sizes)
    length = Map(Function.SQUARE_ROOT, length) if norm == "l2" else length
    large = with_constant(Function.GREATER_EQUAL, length, least)
    small = with_constant(Function.REVERSE_SUBTRACT, large, 1.0)
    divisor = MapPair(Function.ADD, MapPair(Function.MULTIPLY, length, large), small)
    return MapPair(Function.DIVIDE, source, divisor)


@lowers("transform", preprocessing.PolynomialFeatures)
def _polynomial(transformer: Any, source: Node) -> Node:
    powers = np.asarray(transformer.powers_, np.int64)
    one = source.width
    degree = max(1, int(powers.sum(axis=1).max(initial=0)))
    factors = np.full((len(powers), degree), one)
    for factor, power in zip(factors, powers, strict=True):
        chosen = np.repeat(np.arange(source.width), power)
        factor[: len(chosen)] = chosen
    padded = joined([source, Constant(np.ones(1))])
    product: Node = Select(padded, tuple(factors[:, 0].tolist()))
    for place in range(1, degree):
        product = MapPair(Function.MULTIPLY, product, Select(padded, tuple(factors[:, place].tolist())))
    return product


@lowers("transform", preprocessing.PowerTransformer)
def _power(transformer: Any, source: Node) -> Node:
    lambdas = np.asarray(transformer.lambdas_, np.float64)
    if transformer.method == "box-cox":
        # scikit-learn refuses what is not above zero.
        positive = missing_unless(with_constant(Function.GREATER, source, 0.0), source)
        powers = _box_cox(Map(Function.LOGARITHM, positive), lambdas)
    else:
        powers = _yeo_johnson(source, lambdas)
    return lower(transformer._scaler, "transform", powers) if transformer.standardize else powers  # noqa: SLF001  (it has no public name)


def _yeo_johnson(source: Node, lambdas: Floats) -> Node:
    above = Map(Function.LOGARITHM_1P, with_constant(Function.MAXIMUM, source, 0.0))
    below = Map(Function.LOGARITHM_1P, with_constant(Function.MAXIMUM, Map(Function.NEGATIVE, source), 0.0))
    # One of the two is zero.
    return MapPair(Function.SUBTRACT, _box_cox(above, lambdas), _box_cox(below, 2 - lambdas))


def _box_cox(logarithms: Node, exponents: Floats) -> Node:
    """Return ``(exp(exponent * logarithm) - 1) / exponent``, and the logarithm itself for an exponent of 0."""
    is_zero = np.abs(exponents) < np.finfo(np.float64).eps
    safe = np.where(is_zero, 1.0, exponents)
    scaled = with_constant(Function.MULTIPLY, logarithms, safe)
    powers = with_constant(Function.DIVIDE, Map(Function.EXPONENTIAL_M1, scaled), safe)
    if not is_zero.any():
        return powers
    places = np.arange(len(exponents)) + np.where(is_zero, len(exponents), 0)
    return Select(joined([powers, logarithms]), tuple(places.tolist()))


@lowers("transform", preprocessing.KernelCenterer)
def _kernel_centerer(centerer: Any, source: Node) -> Node:
    n = source.width
    return matrix(source, np.eye(n) - 1 / n, centerer.K_fit_all_ - centerer.K_fit_rows_)


@lowers("transform", TfidfTransformer)
def _tf_idf(transformer: Any, source: Node) -> Node:
    if transformer.sublinear_tf:
        is_zero = with_constant(Function.EQUAL, source, 0.0)
        logarithms = Map(Function.LOGARITHM, MapPair(Function.ADD, source, is_zero))
        present = with_constant(Function.REVERSE_SUBTRACT, is_zero, 1.0)
        source = MapPair(Function.ADD, logarithms, present)
    if transformer.use_idf:
        source = with_constant(Function.MULTIPLY, source, transformer.idf_)
    # Its rows are sparse ones, of which scikit-learn leaves only zeros as they are.
    least = float(np.finfo(np.float64).smallest_subnormal)
    return source if transformer.norm is None else unit_norm(source, transformer.norm, least)
