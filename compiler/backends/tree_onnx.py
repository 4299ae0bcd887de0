"""Trees over the row to ONNX, from the compiler's own graph.

The converters round a scaler, and LightGBM's double thresholds, to float32; the graph's thresholds have
been folded into the row's own float32 numbers exactly, so that every row takes the branch it
takes in the model. Leaves are added as float32.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import AttributeProto, ModelProto, NodeProto, TensorProto, helper

from compiler.backends.onnx_artifact import INPUT_NAME, OPSETS, finish
from compiler.errors import UnsupportedModelError
from compiler.frontends.source import OnnxArtifact
from compiler.ir.fusion import simplify
from compiler.ir.nodes import (
    BinarySigmoid,
    Graph,
    Map,
    MapConstant,
    Node,
    RefuseMissing,
    Row,
    Softmax,
    Tree,
    TreeEnsemble,
)
from device_contract.plan.format import Function

_FUNCTIONS = {
    Function.ABSOLUTE: "Abs",
    Function.EXPONENTIAL: "Exp",
    Function.NEGATIVE: "Neg",
    Function.SIGMOID: "Sigmoid",
    Function.SOFTPLUS: "Softplus",
}
_ARITHMETIC = {
    Function.ADD: "Add",
    Function.DIVIDE: "Div",
    Function.MULTIPLY: "Mul",
    Function.SUBTRACT: "Sub",
}
_IR_VERSION = 8


def convert_trees(graph: Graph, n_classes: int) -> OnnxArtifact:
    """Convert a graph that is trees over the row, and functions of what they give.

    Args:
        graph: The model.
        n_classes: Classes of a classifier, 0 for anything else.

    Raises:
        UnsupportedModelError: It is something else, or its trees look at computed numbers, such as categories.
    """
    links: list[Node] = []
    node = graph.output
    while isinstance(node, Map | MapConstant | BinarySigmoid | Softmax):
        links.append(node)
        node = node.source
    simple = simplify(node)
    if not isinstance(simple, TreeEnsemble) or not _is_row(simple.source):
        raise UnsupportedModelError("only trees that look at the row itself are written as ONNX")
    nodes, weights = [_ensemble(simple)], []
    for number, link in enumerate(reversed(links)):
        constants, operators = _link(link, f"scores.{number}", f"scores.{number + 1}")
        nodes += operators
        weights += constants
    rows = helper.make_tensor_value_info(INPUT_NAME, TensorProto.FLOAT, [None, graph.n_features])
    scores = helper.make_tensor_value_info(f"scores.{len(links)}", TensorProto.FLOAT, [None, graph.n_outputs])
    opsets = [helper.make_opsetid(domain, version) for domain, version in OPSETS.items()]
    built = helper.make_graph(nodes, "model", [rows], [scores], weights)
    model: ModelProto = helper.make_model(built, opset_imports=opsets, ir_version=_IR_VERSION)
    return finish(model, n_classes)


def _is_row(node: Node) -> bool:
    return isinstance(node, Row) or (isinstance(node, RefuseMissing) and _is_row(node.source))


def _link(link: Node, source: str, target: str) -> tuple[list[TensorProto], list[NodeProto]]:
    """Return the constants and the operators of a function of the scores."""
    if isinstance(link, Map) and link.function in _FUNCTIONS:
        return [], [helper.make_node(_FUNCTIONS[link.function], [source], [target])]
    if isinstance(link, MapConstant) and link.function in _ARITHMETIC:
        constants = helper.make_tensor(f"{target}.constants", TensorProto.FLOAT, [1, link.width], link.constants)
        return [constants], [helper.make_node(_ARITHMETIC[link.function], [source, constants.name], [target])]
    if isinstance(link, Softmax):
        return [], [helper.make_node("Softmax", [source], [target], axis=1)]
    if isinstance(link, BinarySigmoid):
        return [], [
            helper.make_node("Neg", [source], [f"{target}.first"]),
            helper.make_node("Concat", [f"{target}.first", source], [f"{target}.both"], axis=1),
            helper.make_node("Sigmoid", [f"{target}.both"], [target]),
        ]
    raise UnsupportedModelError(f"{type(link).__name__} after trees is not written as ONNX")


def _ensemble(node: TreeEnsemble) -> NodeProto:
    """Return the trees as one operator; a divisor is taken into the leaves."""
    columns = [
        {**_nodes(tree, number), **_leaves(tree, number, node.divisor)} for number, tree in enumerate(node.trees)
    ]
    values = {name: np.concatenate([each[name] for each in columns]) for name in columns[0]}
    values["base_values"] = node.base / node.divisor
    operator = helper.make_node(
        "TreeEnsembleRegressor", [INPUT_NAME], ["scores.0"], domain="ai.onnx.ml", n_targets=node.width
    )
    operator.attribute.extend(_attribute(name, values[name]) for name in sorted(values))
    return operator


def _attribute(name: str, values: NDArray[Any]) -> AttributeProto:
    """Return an attribute that is a list; onnx's own helper looks at each of a million numbers."""
    if values.dtype.kind == "f":
        return AttributeProto(name=name, type=AttributeProto.FLOATS, floats=values.tolist())
    if values.dtype.kind == "S":
        return AttributeProto(name=name, type=AttributeProto.STRINGS, strings=values.tolist())
    return AttributeProto(name=name, type=AttributeProto.INTS, ints=values.tolist())


def _nodes(tree: Tree, number: int) -> dict[str, NDArray[Any]]:
    is_leaf = tree.left < 0
    return {
        "nodes_treeids": np.full(len(is_leaf), number),
        "nodes_nodeids": np.arange(len(is_leaf)),
        "nodes_featureids": np.where(is_leaf, 0, tree.feature),
        "nodes_modes": np.where(is_leaf, b"LEAF", b"BRANCH_LEQ"),
        "nodes_values": np.where(is_leaf, 0.0, tree.threshold),
        "nodes_truenodeids": np.where(is_leaf, 0, tree.left),
        "nodes_falsenodeids": np.where(is_leaf, 0, tree.right),
        "nodes_missing_value_tracks_true": np.where(is_leaf, 0, tree.missing_left).astype(int),
    }


def _leaves(tree: Tree, number: int, divisor: float) -> dict[str, NDArray[Any]]:
    leaf, width = np.flatnonzero(tree.left < 0), tree.values.shape[1]
    return {
        "target_treeids": np.full(len(leaf) * width, number),
        "target_nodeids": np.repeat(leaf, width),
        "target_ids": np.tile(np.arange(tree.output, tree.output + width), len(leaf)),
        "target_weights": (tree.values[leaf] / divisor).ravel(),
    }
