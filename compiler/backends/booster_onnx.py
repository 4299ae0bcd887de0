"""The boosters' models to ONNX, by onnxmltools: alone, and as steps that skl2onnx meets in a pipeline."""

import sys
import warnings
from typing import Any

from onnxmltools import convert_lightgbm, convert_xgboost
from onnxmltools.convert.common.data_types import FloatTensorType
from onnxmltools.convert.lightgbm.operator_converters.LightGbm import convert_lightgbm as lightgbm_step
from onnxmltools.convert.xgboost.operator_converters.XGBoost import convert_xgboost as xgboost_step
from skl2onnx import update_registered_converter
from skl2onnx.common.shape_calculator import (
    calculate_linear_classifier_output_shapes,
    calculate_linear_regressor_output_shapes,
)

from compiler.backends.onnx import INPUT_NAME, finish
from compiler.errors import UnsupportedModelError, one_line
from compiler.frontends.source import OnnxArtifact, Signature


def convert_booster(booster: Any, signature: Signature) -> OnnxArtifact:
    """Convert a ``Booster`` of LightGBM or XGBoost.

    Raises:
        UnsupportedModelError: onnxmltools cannot convert it.
    """
    convert = convert_lightgbm if type(booster).__module__.startswith("lightgbm") else convert_xgboost
    rows = [(INPUT_NAME, FloatTensorType([None, signature.n_features]))]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = convert(booster, "model", rows, target_opset=15)
    except Exception as error:  # onnxmltools raises whatever its converters meet
        raise UnsupportedModelError(f"the booster does not convert to ONNX: {one_line(error)}") from error
    return finish(model, len(signature.labels))


def register() -> None:
    """Tell skl2onnx how to convert the estimators of the libraries that are imported."""
    if "lightgbm" in sys.modules:
        from lightgbm import LGBMClassifier, LGBMRegressor  # noqa: PLC0415  (only if it is there)

        _register(LGBMClassifier, LGBMRegressor, "LightGbm", lightgbm_step)
    if "xgboost" in sys.modules:
        from xgboost import XGBClassifier, XGBRegressor  # noqa: PLC0415  (only if it is there)

        _register(XGBClassifier, XGBRegressor, "XGBoost", xgboost_step)


def _register(classifier: type, regressor: type, prefix: str, step: Any) -> None:
    options = {"nocl": [True, False], "zipmap": [True, False, "columns"]}
    classes, values = calculate_linear_classifier_output_shapes, calculate_linear_regressor_output_shapes
    update_registered_converter(classifier, f"{prefix}{classifier.__name__}", classes, step, options=options)
    update_registered_converter(regressor, f"{prefix}{regressor.__name__}", values, step)
