"""ONNX files that lie, unfold, or never end: one line that says what is wrong, and nothing worse."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from compiler.errors import ModelError
from compiler.frontends.model_file import read_model
from compiler.frontends.onnx_file import OnnxFileModel
from compiler.frontends.trial import try_out

WEIGHTS = numpy_helper.from_array(np.array([[1.0], [2.0]], np.float32), "w")
PRODUCT = helper.make_node("MatMul", ["x", "w"], ["y"])


def number(name: str, value: Any, dtype: Any = np.int64) -> TensorProto:
    return numpy_helper.from_array(np.array(value, dtype), name)


def value(name: str, kind: int = TensorProto.FLOAT, shape: Sequence[Any] | None = (None, 2)) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, kind, shape)


def model(nodes: Sequence[NodeProto], *stored: TensorProto, **known: Any) -> ModelProto:
    inputs = known.pop("inputs", [value("x")])
    graph = helper.make_graph(nodes, "g", inputs, [value("y", shape=(None, None))], stored)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10, **known)


def declared(shape: Sequence[int], data: bytes, **known: Any) -> ModelProto:
    return model([PRODUCT], TensorProto(name="w", data_type=TensorProto.FLOAT, dims=shape, raw_data=data, **known))


def outside(location: str, **places: Any) -> ModelProto:
    """The product with weights that lie in another file."""
    weights = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[2, 1], data_location=TensorProto.EXTERNAL)
    for key, said in {"location": location, **places}.items():
        weights.external_data.add(key=key, value=str(said))
    return model([PRODUCT], weights)


def sparse() -> ModelProto:
    made = model([PRODUCT])
    one, where = number("w", [1.0], np.float32), number("i", [0])
    made.graph.sparse_initializer.append(helper.make_sparse_tensor(one, where, [2, 2**33]))
    return made


def sparse_constant() -> ModelProto:
    made = sparse()
    tensor = made.graph.sparse_initializer.pop()
    made.graph.node.insert(0, helper.make_node("Constant", [], ["w"], sparse_value=tensor))
    return made


def recursive() -> ModelProto:
    call = helper.make_node("F", ["x"], ["y"], domain="own")
    function = helper.make_function("own", "F", ["x"], ["y"], [call], [helper.make_opsetid("", 18)])
    return model([call], functions=[function])


def nested(depth: int) -> bytes:
    """A graph in a node in a graph ..., written by hand: protobuf itself refuses to."""
    data = b""
    for _ in range(depth):
        for tag in (b"\x0a", b"\x2a", b"\x32"):  # graph.node, node.attribute, attribute.g
            data = tag + length(data) + data
    return b"\x08\x0a\x3a" + length(data) + data


def length(data: bytes) -> bytes:
    """The length as protobuf writes it: seven bits a byte, the lowest first."""
    size, out = len(data), bytearray()
    while size > 127:
        out.append(size & 127 | 128)
        size >>= 7
    return bytes((*out, size))


CYCLE = (
    helper.make_node("Add", ["x", "b"], ["a"]),
    helper.make_node("Add", ["x", "a"], ["b"]),
    helper.make_node("Add", ["a", "b"], ["y"]),
)
REFUSED: dict[str, tuple[Any, str]] = {
    "custom operator": (model([helper.make_node("Evil", ["x"], ["y"], domain="com.evil")]), "uses com.evil.Evil; only"),
    "onnxruntime's own operator": (
        model([helper.make_node("Gelu", ["x"], ["y"], domain="com.microsoft")]),
        "microsoft",
    ),
    "recursive function": (recursive(), "functions of its own"),
    "cycle": (model(CYCLE), "topologically sorted, however input 'b'"),
    "missing input": (model([PRODUCT]), "topologically sorted, however input 'w'"),
    "no input": (
        model([helper.make_node("Identity", ["w"], ["y"])], WEIGHTS, inputs=[]),
        r"0 inputs \(none\); it must take one tensor of rows",
    ),
    "text": (model([PRODUCT], WEIGHTS, inputs=[value("x", TensorProto.STRING)]), "'x' is no tensor of numbers"),
    "input without a shape": (
        model([PRODUCT], WEIGHTS, inputs=[value("x", shape=None)]),
        "'shape' of 'type' is required",
    ),
    "huge weights, little data": (declared((2, 2**40), b"12345678"), "too small for the declared shape"),
    "small weights, much data": (declared((2, 1), bytes(1_000_000)), "does not match expected size"),
    "negative shape": (declared((-2, -1), bytes(8)), "Negative dimension"),
    "sparse weights": (sparse(), "sparse form; save them as dense"),
    "sparse constant": (sparse_constant(), "sparse form; save them as dense"),
    "nested graphs": (nested(200), "not an ONNX model"),
    "unknown operator": (model([helper.make_node("Nonesuch", ["x"], ["y"])]), "Nonesuch"),
    "a million nodes": (b"\x08\x0a\x3a" + length(bytes(2_000_000)) + b"\x0a\x00" * 1_000_000, "more than 20000 nodes"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_that_lies_is_refused_in_one_line(name: str) -> None:
    made, reason = REFUSED[name]
    with pytest.raises(ModelError, match=reason) as refusal:
        OnnxFileModel(made if isinstance(made, bytes) else made.SerializeToString())
    assert "\n" not in str(refusal.value)
    assert len(str(refusal.value)) < 500


def test_an_output_that_is_one_number_for_all_rows_is_refused() -> None:
    total = helper.make_node("ReduceSum", ["x"], ["y"], keepdims=0)
    with pytest.raises(ModelError, match="'y' gives no numbers for each row"):
        OnnxFileModel(model([total]).SerializeToString())


def endless() -> ModelProto:
    inner = [
        helper.make_node("Identity", ["go"], ["on"]),
        helper.make_node("Identity", ["carried"], ["kept"]),
    ]
    counted = [value("count", TensorProto.INT64, ()), value("go", TensorProto.BOOL, ()), value("carried")]
    body = helper.make_graph(inner, "body", counted, [value("on", TensorProto.BOOL, ()), value("kept")])
    loop = helper.make_node("Loop", ["times", "first", "x"], ["y"], body=body)
    return model([loop], number("times", 2**62), number("first", True, np.bool_))


def unfolding() -> ModelProto:
    """A tensor of 400 GB out of one number."""
    nodes = [
        helper.make_node("ConstantOfShape", ["size"], ["many"]),
        helper.make_node("ReduceSum", ["many"], ["sum"], keepdims=0),
        helper.make_node("Add", ["x", "sum"], ["y"]),
    ]
    return model(nodes, number("size", [10**11]))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("made", "reason"),
    [(endless(), "takes more than 1 s to load and to score"), (unfolding(), r"Failed to allocate memory|brings down")],
    ids=["endless", "unfolding"],
)
def test_what_never_ends_or_needs_all_memory_is_tried_out_in_another_process(
    made: ModelProto, reason: str, tmp_path: Path
) -> None:
    with pytest.raises(ModelError, match=reason):
        try_out(made.SerializeToString(), tmp_path / "slow.onnx", processor_s=1)


@pytest.mark.slow
def test_what_unfolds_while_it_is_parsed_is_refused(tmp_path: Path) -> None:
    bomb = b"\x0a\x00" * 6_000_000
    with pytest.raises(ModelError, match=r"brings down|not an ONNX model"):
        try_out(b"\x08\x0a\x3a" + length(bomb) + bomb, tmp_path / "bomb.onnx", memory_bytes=512 << 20)


@pytest.mark.slow
def test_weights_beside_the_model_are_taken_inside(tmp_path: Path) -> None:
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "w.bin").write_bytes(b"skip" + np.array([3.0, 4.0], np.float32).tobytes())
    path = tmp_path / "model.onnx"
    path.write_bytes(outside("weights/w.bin", offset=4, length=8).SerializeToString())
    read = read_model(path)
    np.testing.assert_array_equal(read.score(np.array([[1, 10]], np.float32)), [[43.0]])
    assert OnnxFileModel(read.to_onnx().data).signature == read.signature


@pytest.mark.parametrize(
    ("location", "places", "reason"),
    [
        ("/etc/hostname", {}, "no file in the model's own folder"),
        ("../secret", {}, "no file in the model's own folder"),
        ("inside/../../secret", {}, "no file in the model's own folder"),
        ("link", {}, "no file in the model's own folder"),
        ("folder-link/secret", {}, "no file in the model's own folder"),
        ("ring", {}, "cannot be read"),
        ("inside", {}, "no file in the model's own folder"),
        ("", {}, "no file in the model's own folder"),
        ("nowhere", {}, "cannot be read"),
        ("nul\0", {}, "cannot be read"),
        ("w.bin", {"offset": 4}, "too small for the declared shape"),
        ("w.bin", {"offset": 9}, "not whole in"),
        ("w.bin", {"offset": -1}, "not whole in"),
        ("w.bin", {"offset": "x"}, "lie at no place"),
        ("w.bin", {"length": 2**60}, "not whole in"),
        ("w.bin", {"length": -8}, "not whole in"),
    ],
)
def test_weights_outside_the_model_s_folder_are_refused(
    tmp_path: Path, location: str, places: dict[str, Any], reason: str
) -> None:
    folder = tmp_path / "model"
    (folder / "inside").mkdir(parents=True)
    (tmp_path / "secret").write_bytes(bytes(8))
    (folder / "w.bin").write_bytes(bytes(8))
    (folder / "link").symlink_to(tmp_path / "secret")
    (folder / "folder-link").symlink_to(tmp_path)
    (folder / "ring").symlink_to(folder / "ring")
    with pytest.raises(ModelError, match=reason):
        OnnxFileModel(outside(location, **places).SerializeToString(), folder)


def test_weights_in_other_files_need_a_folder() -> None:
    with pytest.raises(ModelError, match="save it with its weights inside"):
        OnnxFileModel(outside("w.bin").SerializeToString())


def test_a_tensor_in_an_attribute_of_another_type_is_seen_too(tmp_path: Path) -> None:
    made = outside("/etc/hostname")
    constant = helper.make_node("Constant", [], ["w"], value=WEIGHTS)
    constant.attribute[0].t.CopyFrom(made.graph.initializer.pop())
    constant.attribute[0].type = onnx.AttributeProto.UNDEFINED
    made.graph.node.insert(0, constant)
    with pytest.raises(ModelError, match="no file in the model's own folder"):
        OnnxFileModel(made.SerializeToString(), tmp_path)
