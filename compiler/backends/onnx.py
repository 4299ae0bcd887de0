"""Estimators to ONNX, by skl2onnx."""

import warnings
from typing import Any

from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import FloatTensorType

from compiler.backends.onnx_graph import check_portable, keep_output, numeric_outputs, serialize
from compiler.backends.skl2onnx_mend import mend
from compiler.errors import UnsupportedModelError
from compiler.frontends.source import OnnxArtifact

INPUT_NAME = "row"
OPSETS = {"": 18, "ai.onnx.ml": 3}
"""Operator sets old enough for every onnxruntime that the agent supports; newer ones add nothing here."""


def convert_estimator(estimator: Any, n_features: int, *, classifier: bool) -> OnnxArtifact:  # noqa: ANN401
    """Convert a fitted scikit-learn estimator.

    Args:
        estimator: The fitted estimator or pipeline.
        n_features: Numbers in a row.
        classifier: Whether it is a classifier; its output is then one number a class.

    Raises:
        UnsupportedModelError: skl2onnx cannot convert the estimator.
    """
    mend()
    options = {id(estimator): {"zipmap": False}} if classifier else None
    rows = [(INPUT_NAME, FloatTensorType([None, n_features]))]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = convert_sklearn(estimator, "model", rows, target_opset=OPSETS, options=options)
    except Exception as error:  # skl2onnx raises whatever its converters meet
        reason = f"{error}".strip().splitlines()[0][:200] if f"{error}".strip() else type(error).__name__
        raise UnsupportedModelError(f"{type(estimator).__name__} does not convert to ONNX: {reason}") from error
    output = numeric_outputs(model)[-1]
    keep_output(model, output)
    check_portable(model)
    return OnnxArtifact(serialize(model), INPUT_NAME, output)
