"""The same two models, as a plan and as ONNX: a classifier of three classes and a regressor, four features."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from tests.edge_agent.scoring.bundles import write_bundle
from tests.support.plans import linear_plan

WEIGHTS = np.array([[1.0, -2.0, 0.5, 0.0], [0.0, 1.0, 1.0, -1.0], [-1.0, 0.5, 0.0, 2.0]])
BASE = np.array([0.25, -0.5, 0.0])
LABELS = ("stopped", 7, "running")


def as_plan(n_outputs: int) -> bytes:
    weights, base = WEIGHTS[:n_outputs].tobytes(), BASE[:n_outputs].tobytes()
    return linear_plan(4, n_outputs, weights, base, softmax=n_outputs > 1)


def as_onnx(n_outputs: int) -> bytes:
    tables = {"weights": WEIGHTS[:n_outputs].T, "base": BASE[:n_outputs]}
    initializers = [numpy_helper.from_array(table.astype(np.float32), name) for name, table in tables.items()]
    raw = "raw" if n_outputs > 1 else "scores"
    nodes = [
        helper.make_node("MatMul", ["row", "weights"], ["product"]),
        helper.make_node("Add", ["product", "base"], [raw]),
        *([helper.make_node("Softmax", ["raw"], ["scores"], axis=1)] if n_outputs > 1 else []),
    ]
    row = helper.make_tensor_value_info("row", TensorProto.FLOAT, [None, 4])
    scores = helper.make_tensor_value_info("scores", TensorProto.FLOAT, [None, n_outputs])
    graph = helper.make_graph(nodes, "model", [row], [scores], initializers)
    return onnx.ModelProto.SerializeToString(
        helper.make_model(graph, ir_version=9, opset_imports=[helper.make_opsetid("", 18)])
    )


MODELS: dict[str, Any] = {"plan": as_plan, "onnx": as_onnx}


@pytest.fixture(scope="session", params=["plan", "onnx"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="session")
def classifier(kind: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bundles") / "classifier.bundle"
    return write_bundle(path, {kind: MODELS[kind](3)}, 4, 3, LABELS)


@pytest.fixture(scope="session")
def regressor(kind: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_bundle(tmp_path_factory.mktemp("bundles") / "regressor.bundle", {kind: MODELS[kind](1)}, 4, 1)


@pytest.fixture(scope="session")
def rows() -> NDArray[np.float32]:
    """Float32 (50, 4)."""
    return np.random.default_rng(0).normal(size=(50, 4)).astype(np.float32)


@pytest.fixture(scope="session")
def probabilities(rows: NDArray[np.float32]) -> NDArray[np.float64]:
    """What the classifier gives for ``rows``, float64 (50, 3)."""
    exponents = np.exp(rows.astype(np.float64) @ WEIGHTS.T + BASE)
    return exponents / exponents.sum(axis=1, keepdims=True)
