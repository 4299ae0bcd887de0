import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from compiler.backends.onnx_graph import check_portable, keep_output, numeric_outputs, serialize
from compiler.errors import ModelError


def graph_of(nodes: list[onnx.NodeProto], outputs: dict[str, int]) -> onnx.ModelProto:
    row = helper.make_tensor_value_info("row", TensorProto.FLOAT, [None, 2])
    results = [helper.make_tensor_value_info(name, kind, [None, 2]) for name, kind in outputs.items()]
    weights = [numpy_helper.from_array(np.eye(2, dtype=np.float32), name) for name in ("used", "unused")]
    graph = helper.make_graph(nodes, "any name", [row], results, weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)


def sound() -> onnx.ModelProto:
    nodes = [
        helper.make_node("MatMul", ["row", "used"], ["scores"]),
        helper.make_node("Cast", ["scores"], ["label"], to=TensorProto.INT64),
    ]
    return graph_of(nodes, {"label": TensorProto.INT64, "scores": TensorProto.FLOAT})


def test_a_sound_model_is_portable() -> None:
    check_portable(sound())


def test_only_numbers_are_outputs() -> None:
    assert numeric_outputs(sound()) == ["scores"]


def test_what_an_output_does_not_need_is_cut_off() -> None:
    model = sound()
    keep_output(model, "scores")
    assert [output.name for output in model.graph.output] == ["scores"]
    assert [node.op_type for node in model.graph.node] == ["MatMul"]
    assert [tensor.name for tensor in model.graph.initializer] == ["used"]
    check_portable(model)


def test_the_same_graph_gives_the_same_bytes_whatever_it_is_called() -> None:
    first, second = sound(), sound()
    second.graph.name, second.graph.doc_string, second.doc_string = "other", "today", "by me"
    second.opset_import.add(domain="", version=18)
    assert serialize(first) == serialize(second)


def test_weights_in_other_files_are_refused() -> None:
    model = sound()
    model.graph.initializer[0].data_location = TensorProto.EXTERNAL
    with pytest.raises(ModelError, match="weights in another file"):
        check_portable(model)


def test_foreign_operators_are_refused_by_name() -> None:
    node = helper.make_node("Magic", ["row"], ["scores"], domain="com.example")
    with pytest.raises(ModelError, match=r"uses com\.example\.Magic"):
        check_portable(graph_of([node], {"scores": TensorProto.FLOAT}))


def test_foreign_operators_inside_branches_are_refused() -> None:
    inner = helper.make_node("Magic", ["row"], ["inner"], domain="com.example")
    result = helper.make_tensor_value_info("inner", TensorProto.FLOAT, [None, 2])
    branch = helper.make_graph([inner], "branch", [], [result])
    node = helper.make_node("If", ["row"], ["scores"], then_branch=branch, else_branch=branch)
    with pytest.raises(ModelError, match="Magic"):
        check_portable(graph_of([node], {"scores": TensorProto.FLOAT}))


def test_functions_of_its_own_are_refused() -> None:
    model = sound()
    model.functions.add(name="Own", domain="com.example")
    with pytest.raises(ModelError, match="functions of its own"):
        check_portable(model)


@pytest.mark.slow
def test_too_many_nodes_are_refused() -> None:
    nodes = [helper.make_node("Identity", ["row"], [f"copy {number}"]) for number in range(20_001)]
    with pytest.raises(ModelError, match="more than 20000 nodes"):
        check_portable(graph_of(nodes, {}))


def test_an_unsound_graph_is_refused() -> None:
    node = helper.make_node("MatMul", ["row", "nowhere"], ["scores"])
    with pytest.raises(ModelError, match="not sound"):
        check_portable(graph_of([node], {"scores": TensorProto.FLOAT}))
