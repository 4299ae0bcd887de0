"""ONNX files, held to onnxruntime: what skl2onnx writes, and the operators' variants by hand."""

from functools import cache
from typing import Any

import numpy as np
import onnxruntime
import pytest
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto, helper, load_from_string

from compiler.backends.plan import emit
from compiler.errors import UnsupportedModelError
from compiler.frontends.sklearn import SklearnModel
from compiler.ir.onnx_lowering import lower_onnx
from device_contract.plan.scorer import PlanScorer
from tests.compiler.ir.sklearn_models import fitted, rows_at_thresholds

CONVERTED = [
    "standard > ridge regressor",
    "min-max > ridge regressor",
    "least squares regressor",
    "standard > logistic classifier, binary",
    "standard > logistic classifier, 3 classes",
    "tree regressor",
    "random forest regressor",
    "standard > random forest regressor",
    "min-max > random forest regressor",
    "random forest classifier, binary",
    "random forest classifier, 3 classes",
    "random forest classifier, missing values",
    "boosting regressor",
    "boosting classifier, binary",
    "boosting classifier, 3 classes",
    "histogram boosting regressor",
    "histogram boosting classifier, binary",
    "histogram boosting classifier, 3 classes",
]


@cache
def converted(name: str) -> ModelProto:
    return load_from_string(SklearnModel(fitted(name)).to_onnx().data)


def by_onnxruntime(model: ModelProto, rows: NDArray[np.float32]) -> NDArray[np.float64]:
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    scores = session.run([model.graph.output[0].name], {model.graph.input[0].name: rows})[0]
    return np.asarray(scores, np.float64).reshape(len(rows), -1)


def by_plan(model: ModelProto, rows: NDArray[np.float32]) -> NDArray[np.float64]:
    scorer = PlanScorer(emit(lower_onnx(model)))
    scores = np.empty((len(rows), scorer.n_outputs))
    scorer.score_batch(rows, len(rows), scores)
    return scores


@pytest.mark.parametrize("name", CONVERTED)
def test_equals_onnxruntime_at_and_beside_every_threshold(name: str) -> None:
    rows = rows_at_thresholds(name)
    right = by_onnxruntime(converted(name), rows)
    # onnxruntime adds float32 numbers: some 1e-6 of the largest score.
    np.testing.assert_allclose(by_plan(converted(name), rows), right, rtol=2e-6, atol=2e-6 * np.abs(right).max())


@pytest.mark.parametrize("name", [name for name in CONVERTED if "forest" in name or "histogram" in name])
def test_sends_missing_values_where_onnxruntime_does(name: str) -> None:
    rows = rows_at_thresholds(name)
    rows[np.random.default_rng(2).random(rows.shape) < 0.3] = np.nan
    right = by_onnxruntime(converted(name), rows)
    np.testing.assert_allclose(by_plan(converted(name), rows), right, rtol=2e-6, atol=2e-6 * np.abs(right).max())


def graph_of(*nodes: Any) -> ModelProto:
    """Chain operators: (name, attributes) each, over two features."""
    row = helper.make_tensor_value_info("v0", TensorProto.FLOAT, [None, 2])
    out = helper.make_tensor_value_info(f"v{len(nodes)}", TensorProto.FLOAT, None)
    made = [
        helper.make_node(
            name,
            [f"v{index}"],
            [f"label{index}", f"v{index + 1}"] if name.endswith("Classifier") else [f"v{index + 1}"],
            domain="" if name in {"Identity", "Cast", "Relu", "Det"} else "ai.onnx.ml",
            **attributes,
        )
        for index, (name, attributes) in enumerate(nodes)
    ]
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("ai.onnx.ml", 3)]
    return helper.make_model(helper.make_graph(made, "model", [row], [out]), ir_version=9, opset_imports=opsets)


STUMP = {
    "nodes_treeids": [0, 0, 0, 1, 1, 1],
    "nodes_nodeids": [0, 1, 2, 0, 4, 5],
    "nodes_featureids": [0, 0, 0, 1, 0, 0],
    "nodes_truenodeids": [1, 0, 0, 5, 0, 0],
    "nodes_falsenodeids": [2, 0, 0, 4, 0, 0],
    "nodes_values": [1.0, 0.0, 0.0, -1.0, 0.0, 0.0],
    "nodes_modes": ["BRANCH_LT", "LEAF", "LEAF", "BRANCH_LEQ", "LEAF", "LEAF"],
    "nodes_missing_value_tracks_true": [1, 0, 0, 0, 0, 0],
}


def leaves(prefix: str, weights: list[float], ids: list[int]) -> dict[str, Any]:
    return {
        f"{prefix}_treeids": [0, 0, 1, 1],
        f"{prefix}_nodeids": [1, 2, 5, 4],
        f"{prefix}_ids": ids,
        f"{prefix}_weights": weights,
    }


def regressor(**attributes: Any) -> tuple[str, dict[str, Any]]:
    return "TreeEnsembleRegressor", {
        **STUMP,
        **leaves("target", [1.0, 2.0, 4.0, 8.0], [0, 0, 0, 0]),
        "n_targets": 1,
        **attributes,
    }


def classifier(weights: list[float], ids: list[int], **attributes: Any) -> tuple[str, dict[str, Any]]:
    n_classes = max(2, max(ids) + 1)
    return "TreeEnsembleClassifier", {
        **STUMP,
        **leaves("class", weights, ids),
        "classlabels_int64s": list(range(n_classes)),
        **attributes,
    }


def linear(n_classes: int, **attributes: Any) -> tuple[str, dict[str, Any]]:
    return "LinearClassifier", {
        "coefficients": [0.5, -1.0, 2.0, 0.25, 1.0, 1.0][: 2 * n_classes],
        "intercepts": [0.5, -0.25, 0.0][:n_classes],
        "classlabels_ints": list(range(n_classes)),
        **attributes,
    }


SCALER = ("Scaler", {"offset": [0.5, -0.5], "scale": [2.0, 0.3]})
MIXED = [-1.0, 2.0, 0.5, -0.25]
POSITIVE = [0.1, 0.3, 0.5, 0.2]
VARIANTS = {
    "sum": graph_of(regressor(base_values=[0.5])),
    "average": graph_of(regressor(aggregate_function="AVERAGE", base_values=[0.5])),
    "two targets": graph_of(regressor(n_targets=2, target_ids=[0, 1, 1, 0])),
    "scaled": graph_of(SCALER, ("Identity", {}), ("Cast", {"to": TensorProto.FLOAT}), regressor()),
    "computed before trees": graph_of(("Relu", {}), regressor()),
    "margins normalized": graph_of(linear(3), ("Normalizer", {"norm": "L2"})),
    "margin": graph_of(classifier(MIXED, [0, 0, 0, 0])),
    "probability": graph_of(classifier(POSITIVE, [0, 0, 0, 0])),
    "probability with a base": graph_of(classifier(POSITIVE, [0, 0, 0, 0], base_values=[0.125])),
    "logistic": graph_of(classifier(MIXED, [0, 0, 0, 0], post_transform="LOGISTIC", base_values=[0.25])),
    "softmax": graph_of(classifier(MIXED, [0, 1, 2, 1], post_transform="SOFTMAX", base_values=[0.1, 0.2, 0.3])),
    "linear softmax": graph_of(SCALER, linear(3, post_transform="SOFTMAX"), ("Normalizer", {"norm": "L1"})),
    "linear scores": graph_of(linear(3)),
    "scaler alone": graph_of(SCALER),
    "categories cut off to whole numbers": graph_of(("OneHotEncoder", {"cats_int64s": [-1, 0, 2]})),
    "falling scaler": graph_of(("Scaler", {"offset": [0.0, 0.0], "scale": [1.0, -1.0]}), regressor()),
    "linear logistic": graph_of(
        linear(2, coefficients=[-1.0, 2.0, 1.0, -2.0], intercepts=[-0.5, 0.5], post_transform="LOGISTIC")
    ),
    "two linear targets": graph_of(
        ("LinearRegressor", {"coefficients": [1.0, 2.0, 3.0, 4.0], "intercepts": [1.0, 2.0], "targets": 2})
    ),
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_equals_onnxruntime_in(variant: str) -> None:
    ones = np.float32(1)
    values = [
        -2.0,
        -1.0,
        np.nextafter(-ones, ones),
        0.0,
        np.nextafter(ones, -ones),
        1.0,
        np.nextafter(ones, 2 * ones),
        3,
    ]
    rows = np.array([[a, b] for a in values for b in values], np.float32)
    np.testing.assert_allclose(
        by_plan(VARIANTS[variant], rows), by_onnxruntime(VARIANTS[variant], rows), rtol=1e-6, atol=1e-6
    )


REFUSED = {
    "operator Det": graph_of(("Det", {}), regressor()),
    "branch by": graph_of(regressor(nodes_modes=["BRANCH_GT", "LEAF", "LEAF", "BRANCH_LEQ", "LEAF", "LEAF"])),
    "not added but max": graph_of(regressor(aggregate_function="MAX")),
    "post-transform of its regression": graph_of(regressor(post_transform="LOGISTIC")),
    "binary trees with the post-transform LOGISTIC": graph_of(
        classifier(POSITIVE, [0, 0, 0, 0], post_transform="LOGISTIC")
    ),
    "no score for class 0": graph_of(classifier(MIXED, [1, 1, 1, 1])),
    "post-transform PROBIT": graph_of(classifier(MIXED, [0, 1, 2, 1], post_transform="PROBIT")),
    "post-transform LOGISTIC": graph_of(linear(3, post_transform="LOGISTIC")),
    "no binary tree": graph_of(regressor(nodes_modes=["BRANCH_LT", "LEAF", "BRANCH_LT", "BRANCH_LEQ", "LEAF", "LEAF"])),
}


@pytest.mark.parametrize("told", REFUSED)
def test_refuses_what_a_plan_cannot_express(told: str) -> None:
    with pytest.raises(UnsupportedModelError, match=told):
        emit(lower_onnx(REFUSED[told]))


def test_refuses_a_tree_that_bites_its_tail() -> None:
    looped = regressor(nodes_truenodeids=[0, 0, 0, 5, 0, 0])
    with pytest.raises(UnsupportedModelError, match="more than one parent"):
        emit(lower_onnx(graph_of(looped)))
