"""Fitted estimators to graphs.

scikit-learn is read from the estimator itself, not from its ONNX form: ONNX has rounded
the double thresholds to float32 already, and drops where missing values go.
"""

from typing import Any

from sklearn.base import is_classifier

from compiler.ir import (  # noqa: F401  (each fills the registry)
    sklearn_bins,
    sklearn_calibration,
    sklearn_clusters,
    sklearn_composition,
    sklearn_decomposition,
    sklearn_discriminant,
    sklearn_dummy,
    sklearn_encoders,
    sklearn_ensembles,
    sklearn_gaussian_process,
    sklearn_imputers,
    sklearn_inverses,
    sklearn_kernel_approximation,
    sklearn_kernel_methods,
    sklearn_linear,
    sklearn_mixtures,
    sklearn_multiclass,
    sklearn_naive_bayes,
    sklearn_neighbors,
    sklearn_outliers,
    sklearn_scalers,
    sklearn_selection,
    sklearn_svm,
    sklearn_transforms,
    sklearn_tree_ensembles,
    sklearn_trees,
)
from compiler.ir.fusion import drop_needless_refusals
from compiler.ir.nodes import Graph, Node, Row
from compiler.ir.registry import class_scores, lower
from compiler.ir.sklearn_method import output_method, width_of
from compiler.ir.sklearn_neural_network import is_network


def lower_estimator(estimator: Any) -> Graph:
    """Lower a fitted estimator.

    The graph gives what the estimator's ``output_method`` gives of a float64 copy of a float32
    row; decision scores of two classes as ``(-s, s)``.

    Raises:
        UnsupportedModelError: A step cannot be expressed; the message names it.
    """
    row = Row(width_of(estimator))
    scores = class_scores if is_classifier(estimator) else _other_numbers
    output = drop_needless_refusals(scores(estimator, row))
    return Graph(row, output, single_precision=is_network(estimator))


def _other_numbers(estimator: Any, row: Row) -> Node:
    return lower(estimator, output_method(estimator), row)
