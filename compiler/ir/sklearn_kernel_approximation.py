"""scikit-learn's random and sampled features that stand for kernels."""

from typing import Any

import numpy as np
from sklearn import kernel_approximation

from compiler.ir.arithmetic import joined, matrix, missing_unless, with_constant
from compiler.ir.nodes import Floats, Map, MapPair, Node, RefuseMissing
from compiler.ir.registry import lowers
from device_contract.plan.format import Function


@lowers("transform", kernel_approximation.RBFSampler)
def _random_fourier(sampler: Any, source: Node) -> Node:
    return _waves(matrix(source, sampler.random_weights_.T, sampler.random_offset_))


@lowers("transform", kernel_approximation.SkewedChi2Sampler)
def _skewed(sampler: Any, source: Node) -> Node:
    shifted = with_constant(Function.ADD, source, sampler.skewedness)
    # scikit-learn refuses what is not above -skewedness.
    positive = RefuseMissing(missing_unless(with_constant(Function.GREATER, shifted, 0.0), shifted))
    logarithms = Map(Function.LOGARITHM, positive)
    return _waves(matrix(logarithms, sampler.random_weights_.T, sampler.random_offset_))


def _waves(angles: Node) -> Node:
    return with_constant(Function.MULTIPLY, Map(Function.COSINE, angles), np.sqrt(2.0 / angles.width))


@lowers("transform", kernel_approximation.AdditiveChi2Sampler)
def _additive(sampler: Any, source: Node) -> Node:
    interval = _interval(sampler)
    # NaN of a negative number, which scikit-learn refuses.
    first = RefuseMissing(Map(Function.SQUARE_ROOT, with_constant(Function.MULTIPLY, source, interval)))
    is_zero = with_constant(Function.EQUAL, source, 0.0)
    logarithms = Map(Function.LOGARITHM, MapPair(Function.ADD, source, is_zero))
    parts: list[Node] = [first]
    for step in range(1, sampler.sample_steps):
        share = 2 * interval / np.cosh(np.pi * step * interval)
        factor = Map(Function.SQUARE_ROOT, with_constant(Function.MULTIPLY, source, share))
        angle = with_constant(Function.MULTIPLY, logarithms, step * interval)
        parts += [MapPair(Function.MULTIPLY, factor, Map(wave, angle)) for wave in (Function.COSINE, Function.SINE)]
    return joined(parts)


def _interval(sampler: Any) -> float:
    """Return the distance of the sampled frequencies: scikit-learn's own for one to three steps.

    Source: A. Vedaldi, A. Zisserman, "Efficient additive kernels via explicit feature maps" (2011).
    """
    if sampler.sample_interval is not None:
        return float(sampler.sample_interval)
    return {1: 0.8, 2: 0.5, 3: 0.4}[sampler.sample_steps]


@lowers("transform", kernel_approximation.PolynomialCountSketch)
def _count_sketch(sampler: Any, source: Node) -> Node:
    """Multiply the count sketches' Fourier transforms: each is a matrix, and so is the way back."""
    n = sampler.n_components
    bins = np.arange(n // 2 + 1)
    angles = 2 * np.pi * np.outer(bins, np.arange(n)) / n
    product: tuple[Node, Node] | None = None
    for index, sign in zip(sampler.indexHash_, sampler.bitHash_, strict=True):
        sketch, base = _sketch(sampler, source.width, np.asarray(index), np.asarray(sign))
        real = matrix(source, np.cos(angles) @ sketch, np.cos(angles) @ base)
        imaginary = matrix(source, -np.sin(angles) @ sketch, -np.sin(angles) @ base)
        product = (real, imaginary) if product is None else _multiplied(product, (real, imaginary))
    if product is None:
        return source
    # Each frequency but the first, and the last of an even number, stands for itself and its mirror.
    weight = np.where((bins == 0) | (2 * bins == n), 1.0, 2.0) / n
    return matrix(joined(product), np.hstack([np.cos(angles).T * weight, -np.sin(angles).T * weight]))


def _sketch(sampler: Any, n_features: int, index: Floats, sign: Floats) -> tuple[Floats, Floats]:
    """Return one sketch as a matrix of the features, and what the constant feature adds."""
    table = np.zeros((sampler.n_components, len(index)))
    table[index, np.arange(len(index))] = sign
    features = np.sqrt(sampler.gamma) * table[:, :n_features]
    return features, np.sqrt(sampler.coef0) * table[:, n_features:].sum(axis=1)


def _multiplied(left: tuple[Node, Node], right: tuple[Node, Node]) -> tuple[Node, Node]:
    """Return the product of complex vectors, each in its real and its imaginary part."""
    (a, b), (c, d) = left, right
    return (
        MapPair(Function.SUBTRACT, MapPair(Function.MULTIPLY, a, c), MapPair(Function.MULTIPLY, b, d)),
        MapPair(Function.ADD, MapPair(Function.MULTIPLY, a, d), MapPair(Function.MULTIPLY, b, c)),
    )
