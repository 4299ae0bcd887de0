"""Estimators to ONNX, by skl2onnx."""

import warnings
from typing import Any

from onnx import ModelProto, TensorProto, helper
from onnx.inliner import inline_local_functions
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import FloatTensorType
from sklearn.base import is_clusterer
from sklearn.pipeline import Pipeline

from compiler.backends.onnx_graph import check_portable, keep_output, numeric_outputs, serialize, take_off_zipmap
from compiler.backends.skl2onnx_mend import mend
from compiler.errors import UnsupportedModelError, one_line
from compiler.frontends.source import OnnxArtifact
from compiler.ir.sklearn_method import output_method

INPUT_NAME = "row"
OPSETS = {"": 18, "ai.onnx.ml": 3}
"""Operator sets old enough for every onnxruntime that the agent supports; newer ones add nothing here."""


def convert_estimator(estimator: Any, n_features: int, n_classes: int) -> OnnxArtifact:
    """Convert a fitted scikit-learn estimator.

    Args:
        estimator: The fitted estimator or pipeline.
        n_features: Numbers in a row.
        n_classes: Classes of a classifier, 0 for anything else.

    Raises:
        UnsupportedModelError: skl2onnx cannot convert the estimator.
    """
    mend()
    method = output_method(estimator)
    rows = [(INPUT_NAME, FloatTensorType([None, n_features]))]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = convert_sklearn(estimator, "model", rows, target_opset=OPSETS, options=_options(estimator, method))
    except Exception as error:  # skl2onnx raises whatever its converters meet
        raise UnsupportedModelError(
            f"{type(estimator).__name__} does not convert to ONNX: {one_line(error)}"
        ) from error
    if method == "predict" and is_clusterer(estimator):
        _label_as_number(model)
    return finish(model, n_classes)


def _options(estimator: Any, method: str) -> dict[int, dict[str, bool]] | None:
    """Ask for the log likelihood, which is left out otherwise."""
    while isinstance(estimator, Pipeline):
        estimator = estimator[-1]
    return {id(estimator): {"score_samples": True}} if method == "score_samples" else None


def _label_as_number(model: ModelProto) -> None:
    """Give a clusterer's label, its first output, as a number too, in place."""
    label = helper.make_tensor_value_info("label_as_number", TensorProto.FLOAT, [None])
    source = model.graph.output[0].name
    model.graph.node.append(helper.make_node("Cast", [source], [label.name], to=TensorProto.FLOAT))
    model.graph.output.append(label)


def finish(model: ModelProto, n_classes: int) -> OnnxArtifact:
    """Cut a converted model down to one output of numbers and serialise it.

    Args:
        model: The model, with one input.
        n_classes: Classes of a classifier, 0 for anything else.

    Raises:
        ModelError: It is not portable.
    """
    if model.functions:
        model = inline_local_functions(model)
    take_off_zipmap(model)
    output = numeric_outputs(model)[-1]
    if n_classes == 2 and _width(model, output) == 1:  # noqa: PLR2004  (a margin stands for two classes)
        output = _score_both_classes(model, output)
    keep_output(model, output)
    check_portable(model)
    return OnnxArtifact(serialize(model), INPUT_NAME, output)


def _width(model: ModelProto, output: str) -> int:
    """Return the number of columns of an output, 0 if the graph does not tell."""
    shapes = {value.name: value.type.tensor_type.shape.dim for value in model.graph.output}
    return int(shapes[output][-1].dim_value) if shapes[output] else 0


def _score_both_classes(model: ModelProto, margin: str) -> str:
    """Give the margin of two classes as a score for each: its negative for the first, itself for the second."""
    scores = helper.make_tensor_value_info("both_classes", TensorProto.FLOAT, [None, 2])
    model.graph.node.append(helper.make_node("Neg", [margin], ["first_class"]))
    model.graph.node.append(helper.make_node("Concat", ["first_class", margin], [scores.name], axis=1))
    model.graph.output.append(scores)
    return scores.name
