"""scikit-learn's decompositions and projections that are a matrix, or a matrix and a link."""

from typing import Any, Final

import numpy as np
from sklearn import cross_decomposition, decomposition, neighbors, neural_network, random_projection

from compiler.errors import UnsupportedModelError
from compiler.ir.arithmetic import joined, matrix, with_constant
from compiler.ir.nodes import Floats, Map, MapPair, Node
from compiler.ir.registry import lowers
from device_contract.plan.format import Function

_DEFAULT_THRESHOLD: Final = 1.0
"""scikit-learn's, where a coder is given none."""


@lowers("transform", decomposition.PCA, decomposition.IncrementalPCA)
def _principal_components(model: Any, source: Node) -> Node:
    components = np.asarray(model.components_, np.float64)
    if model.whiten:
        scale = np.sqrt(np.asarray(model.explained_variance_, np.float64))
        components = components / np.maximum(scale, np.finfo(np.float64).eps)[:, None]
    return matrix(source, components, center=model.mean_)


@lowers("transform", decomposition.TruncatedSVD, neighbors.NeighborhoodComponentsAnalysis)
def _components(model: Any, source: Node) -> Node:
    return matrix(source, model.components_)


@lowers("transform", decomposition.FastICA)
def _independent_components(model: Any, source: Node) -> Node:
    return matrix(source, model.components_, center=model.mean_ if model.whiten else 0.0)


@lowers("transform", decomposition.FactorAnalysis)
def _factors(model: Any, source: Node) -> Node:
    weighted = model.components_ / model.noise_variance_
    covariance = np.linalg.inv(np.eye(len(weighted)) + weighted @ model.components_.T)
    return matrix(source, covariance.T @ weighted, center=model.mean_)


@lowers("transform", decomposition.SparsePCA, decomposition.MiniBatchSparsePCA)
def _sparse_components(model: Any, source: Node) -> Node:
    components = np.asarray(model.components_, np.float64)
    gram = components @ components.T + model.ridge_alpha * np.eye(len(components))
    return matrix(source, np.linalg.solve(gram, components), center=model.mean_)


@lowers("transform", random_projection.GaussianRandomProjection, random_projection.SparseRandomProjection)
def _random_projection(model: Any, source: Node) -> Node:
    return matrix(source, _dense(model.components_))


@lowers("transform", cross_decomposition.CCA, cross_decomposition.PLSCanonical, cross_decomposition.PLSRegression)
def _partial_least_squares(model: Any, source: Node) -> Node:
    return _standardized(model, source, model.x_rotations_)


@lowers("transform", cross_decomposition.PLSSVD)
def _partial_least_squares_svd(model: Any, source: Node) -> Node:
    return _standardized(model, source, model.x_weights_)


def _standardized(model: Any, source: Node, rotations: Floats) -> Node:
    mean, scale = np.asarray(model._x_mean, np.float64), np.asarray(model._x_std, np.float64)  # noqa: SLF001  (known once fitted)
    return matrix(source, (np.asarray(rotations) / scale[:, None]).T, center=mean)


@lowers("transform", neural_network.BernoulliRBM)
def _hidden_units(model: Any, source: Node) -> Node:
    return Map(Function.SIGMOID, matrix(source, model.components_, model.intercept_hidden_))


@lowers("transform", decomposition.DictionaryLearning, decomposition.MiniBatchDictionaryLearning)
def _learnt_dictionary(model: Any, source: Node) -> Node:
    return _sparse_code(model, source, model.components_)


@lowers("transform", decomposition.SparseCoder)
def _given_dictionary(model: Any, source: Node) -> Node:
    return _sparse_code(model, source, model.dictionary)


def _sparse_code(model: Any, source: Node, dictionary: Floats) -> Node:
    if model.transform_algorithm != "threshold":
        raise UnsupportedModelError(
            f"step {type(model).__name__} with transform_algorithm={model.transform_algorithm!r} solves a problem "
            "for each row, which no plan can express; with 'threshold' there would be one"
        )
    products = matrix(source, dictionary)
    alpha = model.transform_alpha if model.transform_alpha is not None else getattr(model, "alpha", _DEFAULT_THRESHOLD)
    above = Map(Function.RELU, with_constant(Function.SUBTRACT, products, alpha))
    if model.positive_code and not model.split_sign:
        return above
    below = Map(Function.RELU, with_constant(Function.SUBTRACT, Map(Function.NEGATIVE, products), alpha))
    if model.split_sign:
        return joined([above, with_constant(Function.MULTIPLY, below, 0.0) if model.positive_code else below])
    return MapPair(Function.SUBTRACT, above, below)


def _dense(table: Any) -> Floats:
    return np.asarray(table.toarray() if hasattr(table, "toarray") else table, np.float64)
