"""ONNX graphs made portable: checked for what a device runs, cut down to numbers, serialised.

A portable graph uses the standard operators alone, holds its weights in itself, takes
one tensor of rows and gives one tensor of numbers. The device scores it with
onnxruntime and nothing else.
"""

from collections.abc import Iterable, Iterator
from itertools import islice

from onnx import GraphProto, ModelProto, NodeProto, TensorProto, checker, helper

from compiler.errors import ModelError, one_line

MAX_NODES = 20_000
STANDARD_DOMAINS = ("", "ai.onnx", "ai.onnx.ml")
NUMERIC_TYPES = (TensorProto.FLOAT, TensorProto.DOUBLE)


def check_portable(model: ModelProto) -> None:
    """Refuse a model that a device cannot run by itself.

    Raises:
        ModelError: The model is unsound, too large, keeps weights in other files or in sparse form,
            or uses operators that are not ONNX's own.
    """
    if model.functions or model.training_info:
        raise ModelError("the ONNX model defines functions of its own, or how it is trained; export it for inference")
    nodes = list(islice(_nodes(model.graph), MAX_NODES + 1))
    if len(nodes) > MAX_NODES:
        raise ModelError(f"the ONNX model has more than {MAX_NODES} nodes")
    foreign = sorted({f"{node.domain}.{node.op_type}" for node in nodes if node.domain not in STANDARD_DOMAINS})
    if foreign:
        raise ModelError(f"the ONNX model uses {', '.join(foreign)}; only ONNX's standard operators run on a device")
    if any(tensor.data_location == TensorProto.EXTERNAL for tensor in stored_tensors(model)):
        raise ModelError("the ONNX model keeps weights in another file; save it with its weights inside")
    if any(graph.sparse_initializer for graph in _graphs(model.graph)) or any(map(_is_sparse, nodes)):
        raise ModelError("the ONNX model keeps weights in sparse form; save them as dense tensors")
    try:
        checker.check_model(model)
    except (checker.ValidationError, ValueError) as error:  # ValueError: text that is not UTF-8
        raise ModelError(f"the ONNX model is not sound: {one_line(error, 300)}") from error


def numeric_outputs(model: ModelProto) -> list[str]:
    """Return the outputs that are float tensors, in order."""
    return [
        output.name
        for output in model.graph.output
        if output.type.HasField("tensor_type") and output.type.tensor_type.elem_type in NUMERIC_TYPES
    ]


def take_off_zipmap(model: ModelProto) -> bool:
    """Make the tensor of probabilities an output, in place, beside the map made of it; tell whether there is a map."""
    for node in model.graph.node:
        if node.op_type == "ZipMap":
            model.graph.output.append(helper.make_tensor_value_info(node.input[0], TensorProto.FLOAT, [None, None]))
            return True
    return False


def keep_output(model: ModelProto, name: str) -> None:
    """Cut the graph down, in place, to the one output and what it is computed from."""
    graph = model.graph
    _keep(graph.output, [output for output in graph.output if output.name == name])
    needed, kept = {name}, []
    for node in reversed(graph.node):
        if needed.intersection(node.output):
            kept.append(node)
            needed.update(_uses(node))
    _keep(graph.node, kept[::-1])
    _keep(graph.initializer, [tensor for tensor in graph.initializer if tensor.name in needed])
    del graph.value_info[:]


def serialize(model: ModelProto) -> bytes:
    """Return the model's bytes; the same graph gives the same bytes.

    Texts that tell nothing about the computation are left out, and each operator set is
    named once.
    """
    model.doc_string = ""
    model.graph.doc_string = ""
    model.graph.name = "model"
    versions: dict[str, int] = {}
    for opset in model.opset_import:
        domain = "" if opset.domain == "ai.onnx" else opset.domain
        versions[domain] = max(opset.version, versions.get(domain, 0))
    del model.opset_import[:]
    for domain in sorted(versions):
        model.opset_import.add(domain=domain, version=versions[domain])
    data: bytes = model.SerializeToString(deterministic=True)
    return data


def _nodes(graph: GraphProto) -> Iterator[NodeProto]:
    """Walk the nodes of a graph and of the graphs inside its nodes."""
    for node in graph.node:
        yield node
        for inner in _inner_graphs(node):
            yield from _nodes(inner)


def _inner_graphs(node: NodeProto) -> Iterator[GraphProto]:
    for attribute in node.attribute:
        if attribute.HasField("g"):  # whatever its type says
            yield attribute.g
        yield from attribute.graphs


def _graphs(graph: GraphProto) -> Iterator[GraphProto]:
    """Walk a graph and the graphs inside its nodes."""
    yield graph
    for node in _nodes(graph):
        yield from _inner_graphs(node)


def stored_tensors(model: ModelProto) -> Iterator[TensorProto]:
    """Walk every dense tensor that a model stores, in its graphs and in the attributes of its nodes."""
    for graph in _graphs(model.graph):
        yield from graph.initializer
    for node in _nodes(model.graph):
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield attribute.t
            yield from attribute.tensors


def _is_sparse(node: NodeProto) -> bool:
    return any(attribute.HasField("sparse_tensor") or attribute.sparse_tensors for attribute in node.attribute)


def _uses(node: NodeProto) -> set[str]:
    """Return every name that a node reads, also from within its inner graphs."""
    names = set(node.input)
    for inner in _inner_graphs(node):
        names.update(name for nested in _nodes(inner) for name in nested.input)
        names.update(output.name for output in inner.output)
    return names


def _keep(field: "Iterable[object]", kept: list[object]) -> None:
    """Replace the content of a repeated protobuf field by a part of it."""
    if len(kept) == len(field):  # type: ignore[arg-type]
        return
    copies = [type(item).FromString(item.SerializeToString()) for item in kept]  # type: ignore[attr-defined]
    del field[:]  # type: ignore[attr-defined]
    field.extend(copies)  # type: ignore[attr-defined]
