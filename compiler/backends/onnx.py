"""Estimators to ONNX, by skl2onnx."""

import warnings
from typing import Any

from onnx import ModelProto, TensorProto, helper
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import FloatTensorType
from sklearn.base import is_clusterer
from sklearn.pipeline import Pipeline
from sklearn.svm import SVC, NuSVC

from compiler.backends.onnx_artifact import INPUT_NAME, OPSETS, finish
from compiler.backends.skl2onnx_mend import mend
from compiler.errors import UnsupportedModelError, one_line
from compiler.frontends.source import OnnxArtifact
from compiler.ir.sklearn_method import output_method


def convert_estimator(estimator: Any, n_features: int, n_classes: int) -> OnnxArtifact:
    """Convert a fitted scikit-learn estimator.

    Args:
        estimator: The fitted estimator or pipeline.
        n_features: Numbers in a row.
        n_classes: Classes of a classifier, 0 for anything else.

    Raises:
        UnsupportedModelError: skl2onnx cannot convert the estimator, or not to what onnxruntime loads.
    """
    mend()
    method = output_method(estimator)
    rows = [(INPUT_NAME, FloatTensorType([None, n_features]))]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = convert_sklearn(estimator, "model", rows, target_opset=OPSETS, options=_options(estimator, method))
        if method == "predict" and is_clusterer(estimator):
            _label_as_number(model)
        return finish(model, n_classes)
    except Exception as error:  # skl2onnx raises whatever its converters meet
        raise UnsupportedModelError(
            f"{type(estimator).__name__} does not convert to ONNX: {one_line(error)}"
        ) from error


def _options(estimator: Any, method: str) -> dict[int, dict[str, bool]] | None:
    """Ask for the log likelihood, which is left out otherwise, and for the right sign of two classes' decision."""
    while isinstance(estimator, Pipeline):
        estimator = estimator[-1]
    if method == "score_samples":
        return {id(estimator): {"score_samples": True}}
    is_decision = method == "decision_function" and isinstance(estimator, SVC | NuSVC)
    return {id(estimator): {"raw_scores": True}} if is_decision else None


def _label_as_number(model: ModelProto) -> None:
    """Give a clusterer's label, its first output, as a number too, in place."""
    label = helper.make_tensor_value_info("label_as_number", TensorProto.FLOAT, [None])
    source = model.graph.output[0].name
    model.graph.node.append(helper.make_node("Cast", [source], [label.name], to=TensorProto.FLOAT))
    model.graph.output.append(label)
