"""Fitted estimators to graphs.

scikit-learn is read from the estimator itself, not from its ONNX form: ONNX has rounded
the double thresholds to float32 already, and drops where missing values go.
"""

from typing import Any

from sklearn.base import is_classifier, is_regressor

from compiler.errors import UnsupportedModelError
from compiler.ir import (  # noqa: F401  (each fills the registry)
    sklearn_composition,
    sklearn_linear,
    sklearn_neighbors,
    sklearn_scalers,
    sklearn_svm,
    sklearn_tree_ensembles,
    sklearn_trees,
)
from compiler.ir.fusion import drop_needless_refusals
from compiler.ir.nodes import Graph, Node, Row
from compiler.ir.onnx_lowering import lower_onnx
from compiler.ir.registry import class_scores, lower
from compiler.ir.sklearn_neural_network import is_network

__all__ = ["lower_estimator", "lower_onnx"]


def lower_estimator(estimator: Any) -> Graph:
    """Lower a fitted estimator.

    The graph gives what the estimator's ``predict_proba`` gives for a classifier that has
    one, its decision scores for one that has not (``(-s, s)`` for two classes), ``predict``
    for a regressor, and else the first of ``decision_function``, ``transform`` and
    ``predict`` that it has, of a float64 copy of a float32 row.

    Raises:
        UnsupportedModelError: A step cannot be expressed; the message names it.
    """
    row = Row(int(estimator.n_features_in_))
    output = drop_needless_refusals(_output(estimator, row))
    return Graph(row, output, single_precision=is_network(estimator))


def _output(estimator: Any, row: Row) -> Node:
    if is_classifier(estimator):
        return class_scores(estimator, row)
    if is_regressor(estimator):
        return lower(estimator, "predict", row)
    for method in ("decision_function", "transform", "predict"):
        if hasattr(estimator, method):
            return lower(estimator, method, row)
    raise UnsupportedModelError(f"{type(estimator).__name__} neither predicts nor transforms")
