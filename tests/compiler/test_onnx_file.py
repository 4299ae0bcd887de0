import contextlib
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from skl2onnx import to_onnx
from sklearn.linear_model import Ridge
from sklearn.neural_network import MLPClassifier

from compiler.errors import ModelError
from compiler.frontends.onnx_file import OnnxFileModel
from compiler.onnx_session import OnnxSession


def matmul(kind: int = TensorProto.FLOAT, shape: tuple[Any, ...] = (None, 2), n_outputs: int = 3) -> bytes:
    """A model that multiplies rows with a matrix."""
    weights = numpy_helper.from_array(
        np.arange(2 * n_outputs).reshape(2, n_outputs).astype(helper.tensor_dtype_to_np_dtype(kind)), "weights"
    )
    nodes = [
        helper.make_node("MatMul", ["x", "weights"], ["product"]),
        helper.make_node("Cast", ["product"], ["y"], to=TensorProto.FLOAT),
    ]
    given_input = helper.make_tensor_value_info("x", kind, shape)
    output = helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, n_outputs])
    graph = helper.make_graph(nodes, "g", [given_input], [output], [weights])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10).SerializeToString()


def artifact_scores(model: OnnxFileModel, rows: NDArray[np.float32]) -> NDArray[np.float64]:
    artifact = model.to_onnx()
    return OnnxSession(artifact.data).score(artifact.input, artifact.output, rows)


@pytest.mark.parametrize("zipmap", [True, False])
def test_a_classifier_keeps_its_labels(logistic: Any, rows: NDArray[np.float32], zipmap: bool) -> None:  # noqa: FBT001
    model = OnnxFileModel(to_onnx(logistic, rows[:1], options={"zipmap": zipmap}).SerializeToString())
    assert model.signature.labels == ("high", "low", "over")
    assert model.signature.task == "classification"
    np.testing.assert_allclose(model.score(rows), logistic.predict_proba(rows), atol=1e-6)
    np.testing.assert_array_equal(artifact_scores(model, rows), model.score(rows))


def test_labels_are_found_in_the_table_of_classes(rows: NDArray[np.float32], state: NDArray[np.str_]) -> None:
    network = MLPClassifier((4,), max_iter=5, random_state=0)
    with pytest.warns(match="Maximum iterations"):
        network.fit(rows, state)
    model = OnnxFileModel(to_onnx(network, rows[:1], options={"zipmap": False}).SerializeToString())
    assert model.signature.labels == ("high", "low", "over")


@pytest.mark.parametrize("kind", [TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.INT64, TensorProto.INT32])
def test_rows_are_cast_to_what_the_model_takes(kind: int) -> None:
    rows = np.array([[1, 2], [-3, 4]], dtype=np.float32)
    model = OnnxFileModel(matmul(kind))
    expected = rows @ np.arange(6).reshape(2, 3)
    np.testing.assert_array_equal(model.score(rows), expected)
    np.testing.assert_array_equal(artifact_scores(model, rows), expected)
    assert (model.signature.task, model.signature.n_features) == ("regression", 2)


def test_a_row_may_be_a_window_of_several_axes(rows: NDArray[np.float32]) -> None:
    shape = helper.make_tensor_value_info("row", TensorProto.FLOAT, [None, 2, 2])
    scores = helper.make_tensor_value_info("scores", TensorProto.FLOAT, [None, 4])
    nodes = [helper.make_node("Flatten", ["row"], ["flat"]), helper.make_node("Relu", ["flat"], ["scores"])]
    graph = helper.make_graph(nodes, "windows", [shape], [scores])
    opsets = [helper.make_opsetid("", 18)]
    model = OnnxFileModel(helper.make_model(graph, opset_imports=opsets, ir_version=9).SerializeToString())
    windows = np.concatenate([rows, -rows], axis=1)[:, :4]
    np.testing.assert_array_equal(model.score(windows), np.maximum(windows, 0))
    np.testing.assert_array_equal(artifact_scores(model, windows), np.maximum(windows, 0))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "not an ONNX model"),
        (b"rubbish", "not an ONNX model"),
        (matmul(shape=(None, None)), "fixed width"),
        (matmul(shape=(None, "width")), "fixed width"),
        (matmul(shape=(None, 2, 2)), "has shape"),
        (matmul(shape=(1, 2)), "fixed to 1 rows"),
        (matmul(TensorProto.FLOAT16), "no tensor of numbers"),
    ],
)
def test_what_a_device_cannot_feed_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(ModelError, match=reason):
        OnnxFileModel(data)


def test_two_inputs_are_refused() -> None:
    inputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, 1]) for name in ("a", "b")]
    output = helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, 1])
    graph = helper.make_graph([helper.make_node("Add", ["a", "b"], ["y"])], "g", inputs, [output])
    data = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10).SerializeToString()
    with pytest.raises(ModelError, match=r"2 inputs \(a, b\)"):
        OnnxFileModel(data)


def test_a_model_of_labels_alone_is_refused() -> None:
    model = onnx.load_from_string(matmul())
    model.graph.node[1].attribute[0].i = TensorProto.INT64
    model.graph.output[0].type.tensor_type.elem_type = TensorProto.INT64
    with pytest.raises(ModelError, match="no output of float numbers"):
        OnnxFileModel(model.SerializeToString())


@settings(max_examples=60)
@given(st.data())
def test_a_damaged_file_is_read_or_refused_never_worse(data: st.DataObject) -> None:
    mutated = bytearray(matmul())
    mutated[data.draw(st.integers(0, len(mutated) - 1))] ^= data.draw(st.integers(1, 255))
    with contextlib.suppress(ModelError):
        OnnxFileModel(bytes(mutated[: data.draw(st.integers(0, len(mutated)))]))


def test_a_regressor_gives_one_number(rows: NDArray[np.float32], power: NDArray[np.float64]) -> None:
    ridge = Ridge().fit(rows, power)
    model = OnnxFileModel(to_onnx(ridge, rows[:1]).SerializeToString())
    assert model.score(rows).shape == (len(rows), 1)
    assert model.parameters["onnx_producer"].startswith("skl2onnx")
