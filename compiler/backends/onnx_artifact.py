"""Converted models as artifacts: one output of numbers, the operators that every device has, the same bytes."""

import numpy as np
from onnx import ModelProto, TensorProto, helper
from onnx.inliner import inline_local_functions

from compiler.backends.onnx_graph import check_portable, keep_output, numeric_outputs, serialize, take_off_zipmap
from compiler.frontends.source import OnnxArtifact
from compiler.onnx_session import OnnxSession

INPUT_NAME = "row"
OPSETS = {"": 18, "ai.onnx.ml": 3}
"""Operator sets old enough for every onnxruntime that the agent supports; newer ones add nothing here."""


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
    """Return the number of columns of an output; the graph may say another one (skl2onnx's RidgeClassifier)."""
    n_features = model.graph.input[0].type.tensor_type.shape.dim[1].dim_value
    session = OnnxSession(model.SerializeToString())
    return int(session.score(INPUT_NAME, output, np.zeros((1, n_features), np.float32)).shape[1])


def _score_both_classes(model: ModelProto, margin: str) -> str:
    """Give the margin of two classes as a score for each: its negative for the first, itself for the second."""
    scores = helper.make_tensor_value_info("both_classes", TensorProto.FLOAT, [None, 2])
    model.graph.node.append(helper.make_node("Neg", [margin], ["first_class"]))
    model.graph.node.append(helper.make_node("Concat", ["first_class", margin], [scores.name], axis=1))
    model.graph.output.append(scores)
    return scores.name
