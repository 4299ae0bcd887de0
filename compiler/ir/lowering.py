"""Fitted estimators and ONNX files to graphs.

scikit-learn is read from the estimator itself, not from its ONNX form: ONNX has rounded
the double thresholds to float32 already, and drops where missing values go.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from sklearn.pipeline import Pipeline

from compiler.errors import UnsupportedModelError
from compiler.ir.nodes import Graph, Linear, Node, TreeEnsemble
from compiler.ir.onnx_lowering import lower_onnx
from compiler.ir.sklearn_linear import LINEAR_MODELS
from compiler.ir.sklearn_scalers import SCALERS
from compiler.ir.sklearn_trees import TREE_MODELS

__all__ = ["lower_estimator", "lower_onnx"]

_MODELS: Mapping[type, Callable[[Any], tuple[Node, ...]]] = MappingProxyType({**LINEAR_MODELS, **TREE_MODELS})


def lower_estimator(estimator: Any) -> Graph:
    """Lower a fitted estimator, or a pipeline of scalers that ends in one.

    The graph gives what the estimator's ``predict_proba`` gives for a classifier that has
    one, its decision scores for one that has not (``(-s, s)`` for two classes), and
    ``predict`` for a regressor, of a float64 copy of a float32 row.

    Raises:
        UnsupportedModelError: A step cannot be expressed; the message names it.
    """
    *scalers, model = _steps(estimator)
    nodes: list[Node] = [node for scaler in scalers for node in _lower(scaler, SCALERS, "step")]
    nodes += _lower(model, _MODELS, "model")
    return Graph(int(estimator.n_features_in_), _n_outputs(nodes), tuple(nodes))


def _steps(estimator: Any) -> list[Any]:
    """Return a pipeline's steps, those of inner pipelines in their place."""
    if not isinstance(estimator, Pipeline):
        return [estimator]
    steps = [step for _, step in estimator.steps if step is not None and step != "passthrough"]
    if not steps:
        raise UnsupportedModelError("the pipeline has no steps")
    return [inner for step in steps for inner in _steps(step)]


def _lower(
    step: Any,
    known: Mapping[type, Callable[[Any], tuple[Node, ...]]],
    what: str,
) -> tuple[Node, ...]:
    # The exact type: a subclass may predict in another way.
    lower = known.get(type(step))
    if lower is None:
        raise UnsupportedModelError(f"{what} {type(step).__name__} is not one that a plan can express")
    return lower(step)


def _n_outputs(nodes: list[Node]) -> int:
    scorer = next(node for node in nodes if isinstance(node, Linear | TreeEnsemble))
    is_binary = getattr(nodes[-1], "name", None) == "binary_sigmoid"
    return 2 if is_binary else len(scorer.base)
