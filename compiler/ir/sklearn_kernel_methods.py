"""scikit-learn's kernel methods that are no support vector machines: kernels of points, and a matrix."""

from typing import Any

import numpy as np
from sklearn.decomposition import KernelPCA
from sklearn.kernel_approximation import Nystroem
from sklearn.kernel_ridge import KernelRidge
from sklearn.semi_supervised import LabelPropagation, LabelSpreading

from compiler.errors import UnsupportedModelError
from compiler.ir.distances import Distance, Nearest, SumRows
from compiler.ir.nodes import Floats, Linear, MapPair, Node, Reduce, Select
from compiler.ir.pairwise_kernels import Kernel, kernel_of, kernel_values
from compiler.ir.registry import lowers
from device_contract.plan.format import Function, Metric, Reduction


@lowers("predict", KernelRidge)
def _kernel_ridge(model: Any, source: Node) -> Node:
    return _kernel_sums(model, source, model.X_fit_, np.asarray(model.dual_coef_))


@lowers("transform", Nystroem)
def _nystroem(model: Any, source: Node) -> Node:
    return _kernel_sums(model, source, model.components_, np.asarray(model.normalization_).T)


@lowers("transform", KernelPCA)
def _kernel_components(model: Any, source: Node) -> Node:
    """Project on the components; that the kernels are centred first is folded into the projection."""
    kept = model.eigenvalues_ > 0
    axes = np.zeros_like(model.eigenvectors_)
    axes[:, kept] = model.eigenvectors_[:, kept] / np.sqrt(model.eigenvalues_[kept])
    means = model._centerer  # noqa: SLF001  (of the training kernels)
    base = (means.K_fit_all_ - means.K_fit_rows_) @ axes
    return _kernel_sums(model, source, model.X_fit_, axes - axes.sum(axis=0) / len(axes), base)


@lowers("predict_proba", LabelPropagation, LabelSpreading)
def _propagated(model: Any, source: Node) -> Node:
    points, labels = np.asarray(model.X_, np.float64), np.asarray(model.label_distributions_, np.float64)
    if model.kernel == "knn":
        nearest = Nearest(Distance(Metric.SQUARED_EUCLIDEAN, source, points), model.n_neighbors)
        positions = Select(nearest, tuple(range(model.n_neighbors, 2 * model.n_neighbors)))
        sums: Node = SumRows(positions, labels)
    elif model.kernel == "rbf":
        kernels = kernel_values(Kernel("rbf", float(model.gamma)), source, points)
        sums = Linear(kernels, labels.T, np.zeros(len(labels)), np.zeros(labels.shape[1]))
    else:
        raise UnsupportedModelError(
            f"{type(model).__name__} with a kernel of its own is not one that a plan can express"
        )
    return MapPair(Function.DIVIDE, sums, Reduce(Reduction.SUM, sums))


def _kernel_sums(model: Any, source: Node, points: Any, weights: Any, base: Floats | None = None) -> Node:
    """Return the kernels of points times their weights, (n_points,) or (n_points, n_outputs)."""
    points = np.asarray(points.toarray() if hasattr(points, "toarray") else points, np.float64)
    matrix = np.asarray(weights, np.float64).reshape(len(points), -1).T
    kernels = kernel_values(kernel_of(model, points.shape[1]), source, points)
    return Linear(kernels, matrix, np.zeros(len(points)), np.zeros(len(matrix)) if base is None else base)
