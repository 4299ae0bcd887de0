"""ONNX files: what they take and give, made fit for a device.

The device gives one float32 tensor of rows and takes one tensor of numbers. A model with
another number type at its input gets a cast in front, one that takes windows of several axes
(n_rows, channels, length) a reshape: a row is the window in C order. A map of labels to probabilities
(ZipMap) is taken off, and its labels are kept for the manifest.
"""

from collections.abc import Iterable, Mapping
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper

from compiler.backends.onnx_graph import (
    MAX_NODES,
    check_portable,
    keep_output,
    numeric_outputs,
    serialize,
    take_off_zipmap,
)
from compiler.errors import ModelError
from compiler.frontends.onnx_weights import take_weights_inside
from compiler.frontends.source import Family, OnnxArtifact, Signature
from compiler.onnx_session import OnnxSession
from device_contract.canonical import sha256_hex
from device_contract.manifest import MAX_FEATURES, Label

if TYPE_CHECKING:
    from compiler.ir.nodes import Graph

_ROW = "row"
_LEAST_DIMENSIONS = 2
_INPUT_TYPES: dict[int, Any] = {
    TensorProto.FLOAT: np.float32,
    TensorProto.DOUBLE: np.float64,
    TensorProto.INT64: np.int64,
    TensorProto.INT32: np.int32,
}
_LABEL_TYPES = (TensorProto.INT64, TensorProto.STRING)
_LABEL_ATTRIBUTES = ("classlabels_ints", "classlabels_int64s", "classlabels_strings")


class OnnxFileModel:
    """An ONNX file as a ``SourceModel``; onnxruntime's scores of the original file are the truth."""

    packages = ("numpy", "onnx", "onnxruntime")

    def __init__(self, data: bytes, folder: Path | None = None) -> None:
        """Read a model.

        Args:
            data: The file.
            folder: Where it lies, if weights may be read from files beside it.

        Raises:
            ModelError: The bytes are no sound, portable ONNX model with one tensor of rows
                at its input and numbers at its output.
        """
        model = _parse(data)
        if take_weights_inside(model, folder):
            data = model.SerializeToString(deterministic=True)
        check_portable(model)
        row = _only_input(model)
        self._row_shape = _row_shape(row)
        n_features = prod(self._row_shape)
        self.sha256 = sha256_hex(data)
        self._original = OnnxSession(data)
        self._input, self._dtype = row.name, _INPUT_TYPES[row.type.tensor_type.elem_type]
        labels = _class_labels(model)
        self._zipmap_labels = labels if take_off_zipmap(model) else ()
        self._original_output, self._output = _score_outputs(model)
        self._artifact = _artifact(model, row, self._output)
        n_outputs = self.score(np.zeros((1, n_features), dtype=np.float32)).shape[1]
        labels = labels if len(labels) == n_outputs else ()
        self.signature = Signature(
            task="classification" if labels else "regression",
            family=_family(model.graph.node),
            n_features=n_features,
            feature_names=(),
            labels=labels,
        )

    @property
    def parameters(self) -> Mapping[str, str]:
        """What the file says of its maker."""
        model = onnx.load_from_string(self._artifact.data)
        return {"model_type": "onnx", "onnx_producer": f"{model.producer_name} {model.producer_version}".strip()}

    def score(self, rows: NDArray[np.float32]) -> NDArray[np.float64]:
        """Score rows of shape (n_rows, n_features); returns (n_rows, n_outputs)."""
        given = rows.astype(self._dtype).reshape(len(rows), *self._row_shape)
        if not self._zipmap_labels:
            return self._original.score(self._input, self._original_output, given)
        maps = [entry for piece in self._original.run(self._input, self._original_output, given) for entry in piece]
        return np.array([[entry[label] for label in self._zipmap_labels] for entry in maps], dtype=np.float64)

    def to_onnx(self) -> OnnxArtifact:
        """Return the model cut down to one input and one output."""
        return self._artifact

    def to_graph(self) -> "Graph":
        """Lower the ONNX graph."""
        from compiler.ir.onnx_lowering import lower_onnx  # noqa: PLC0415  (only when a plan is wanted)

        return lower_onnx(onnx.load_from_string(self._artifact.data))


def _parse(data: bytes) -> ModelProto:
    try:
        model = onnx.load_from_string(data)
    except (DecodeError, ValueError) as error:
        raise ModelError(f"the file is not an ONNX model: {error}") from error
    if not model.graph.node:
        raise ModelError("the file is not an ONNX model: it holds no graph")
    if len(model.graph.node) > MAX_NODES:  # before anything walks them
        raise ModelError(f"the ONNX model has more than {MAX_NODES} nodes")
    return model


def _only_input(model: ModelProto) -> ValueInfoProto:
    stored = {tensor.name for tensor in model.graph.initializer}
    inputs = [value for value in model.graph.input if value.name not in stored]
    if len(inputs) != 1:
        names = ", ".join(value.name for value in inputs) or "none"
        raise ModelError(f"the ONNX model has {len(inputs)} inputs ({names}); it must take one tensor of rows")
    row: ValueInfoProto = inputs[0]
    return row


def _row_shape(row: ValueInfoProto) -> tuple[int, ...]:
    """Return the shape of a row, once the input is known to be a tensor of rows."""
    if row.type.tensor_type.elem_type not in _INPUT_TYPES:
        raise ModelError(f"the ONNX input {row.name!r} is no tensor of numbers that float32 rows can be cast to")
    rows, *inner = row.type.tensor_type.shape.dim or [None]
    if rows is None or len(inner) + 1 < _LEAST_DIMENSIONS or any(size.dim_value < 1 for size in inner):
        raise ModelError(f"the ONNX input {row.name!r} must have shape (n_rows, features) with a fixed width")
    if rows.HasField("dim_value"):
        raise ModelError(f"the ONNX input {row.name!r} is fixed to {rows.dim_value} rows; export it open")
    width = prod(size.dim_value for size in inner)
    if width > MAX_FEATURES:
        raise ModelError(f"the ONNX model takes {width} features, limit {MAX_FEATURES}")
    return tuple(size.dim_value for size in inner)


def _class_labels(model: ModelProto) -> tuple[Label, ...]:
    """Find a classifier's labels: in its ZipMap or classifier node, else in the table its label is taken from."""
    if not any(_is_label(output) for output in model.graph.output):
        return ()
    for node in reversed(model.graph.node):
        for attribute in node.attribute:
            if attribute.name in _LABEL_ATTRIBUTES and (attribute.ints or attribute.strings):
                return tuple(attribute.ints) or tuple(text.decode() for text in attribute.strings)
    tables = {tensor.name: tensor for tensor in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type == "ArrayFeatureExtractor" and node.input[0] in tables:
            return tuple(_label(value) for value in numpy_helper.to_array(tables[node.input[0]]).ravel().tolist())
    return ()


def _is_label(output: ValueInfoProto) -> bool:
    return output.type.HasField("tensor_type") and output.type.tensor_type.elem_type in _LABEL_TYPES


def _label(value: Any) -> Label:
    return value.decode() if isinstance(value, bytes) else value if isinstance(value, str) else int(value)


def _score_outputs(model: ModelProto) -> tuple[str, str]:
    """Return the name of the scores in the original file, and in the model without its ZipMap."""
    numeric = numeric_outputs(model)
    if not numeric:
        raise ModelError("the ONNX model has no output of float numbers")
    zipmap = next((node.output[0] for node in model.graph.node if node.op_type == "ZipMap"), None)
    return zipmap or numeric[-1], numeric[-1]


def _artifact(model: ModelProto, row: ValueInfoProto, output: str) -> OnnxArtifact:
    keep_output(model, output)
    if row.type.tensor_type.elem_type != TensorProto.FLOAT or len(row.type.tensor_type.shape.dim) > _LEAST_DIMENSIONS:
        _take_float32_rows(model, row)
    check_portable(model)
    return OnnxArtifact(serialize(model), _only_input(model).name, output)


def _take_float32_rows(model: ModelProto, row: ValueInfoProto) -> None:
    """Put a reshape and a cast between float32 rows and what the model takes."""
    shape, name = _row_shape(row), f"{_ROW} of {row.name}"
    inner = numpy_helper.from_array(np.array([-1, *shape], np.int64), f"shape of {row.name}")
    reshape = helper.make_node("Reshape", [name, inner.name], [f"{row.name} as float32"])
    cast = helper.make_node("Cast", reshape.output, [row.name], to=row.type.tensor_type.elem_type)
    nodes = [reshape, cast, *model.graph.node]
    del model.graph.input[:], model.graph.node[:]
    model.graph.input.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, prod(shape)]))
    model.graph.initializer.append(inner)
    model.graph.node.extend(nodes)


def _family(nodes: Iterable[NodeProto]) -> Family:
    kinds = {node.op_type for node in nodes}
    if any(kind.startswith("TreeEnsemble") for kind in kinds):
        return "trees"
    return "linear" if any(kind.startswith("Linear") for kind in kinds) else "other"
