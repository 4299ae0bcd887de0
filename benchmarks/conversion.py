"""The models as ONNX, for onnxruntime: one input of float32 rows, one output of scores."""

import warnings
from typing import Any

from onnx import ModelProto
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import FloatTensorType

from benchmarks.convolution import network
from compiler.backends.onnx_graph import keep_output, numeric_outputs, serialize
from compiler.backends.skl2onnx_mend import mend

_OPSETS = {"": 18, "ai.onnx.ml": 3}
_INPUT = "row"


def to_onnx(letter: str, estimator: Any, n_features: int) -> bytes:
    """Convert a fitted model; the labels are cut off, for nobody is asked for them."""
    if letter == "G":
        network_bytes: bytes = network(estimator).SerializeToString()
        return network_bytes
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = _convert(letter, estimator, n_features)
    keep_output(model, numeric_outputs(model)[-1])
    return serialize(model)


def _convert(letter: str, estimator: Any, n_features: int) -> ModelProto:
    if letter in {"C", "D"}:
        from onnxmltools import convert_lightgbm, convert_xgboost  # noqa: PLC0415  (needed for two models only)
        from onnxmltools.convert.common.data_types import FloatTensorType as Rows  # noqa: PLC0415

        convert = convert_lightgbm if letter == "C" else convert_xgboost
        names = {} if letter == "D" else {"zipmap": False}
        rows = [(_INPUT, Rows([None, n_features]))]
        boosted: ModelProto = convert(estimator, initial_types=rows, target_opset=15, **names)
        return boosted
    mend()
    rows = [(_INPUT, FloatTensorType([None, n_features]))]
    options = {"zipmap": False} if hasattr(estimator, "predict_proba") else None
    converted: ModelProto = convert_sklearn(estimator, "model", rows, target_opset=_OPSETS, options=options)
    return converted
