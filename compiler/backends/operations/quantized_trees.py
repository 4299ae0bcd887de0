"""Trees that compare ranks, with nodes of 4 bytes."""

import numpy as np

from compiler.backends.operations.emission import Emission, doubles, indices, operation_for
from compiler.backends.operations.trees import LaidOut, lay_out, starts_of
from compiler.errors import UnsupportedModelError
from compiler.ir.quantized_trees import QuantizedTrees
from device_contract.plan.format import (
    MAX_LEAVES,
    MAX_NARROW_NODES,
    MAX_RANKED,
    MAX_RANKED_LEAVES,
    Kind,
    Operation,
    TreeTable,
    tree_records,
)

_NODE = np.dtype([("feature", "u1"), ("rank", "u1"), ("left", "<u2")])
_BYTE = 256


@operation_for.register
def _(node: QuantizedTrees, emission: Emission) -> list[Operation]:
    trees = [lay_out(tree) for tree in node.trees]
    sizes = [len(tree.left) for tree in trees]
    _require_room(node, trees)
    first_nodes, first_leaves = starts_of(sizes), starts_of([len(tree.values) for tree in trees])
    places = zip(first_nodes, sizes, first_leaves, trees, strict=True)
    records = tree_records(tuple(TreeTable(first, size, leaf, tree.output) for first, size, leaf, tree in places))
    missing = np.packbits(np.concatenate([tree.missing_left for tree in trees]), bitorder="little")
    leaves = np.concatenate([tree.values for tree in trees])
    n_thresholds = [len(own) for own in node.thresholds]
    return [
        Operation(
            Kind.RANKED_TREES,
            emission.output,
            emission.inputs[0],
            sizes=(leaves.shape[1], len(trees), sum(sizes), len(leaves), sum(n_thresholds)),
            parameters=(node.divisor,),
            tables=(
                doubles(node.base),
                records,
                b"".join(_records(tree, node) for tree in trees),
                missing.tobytes() if node.takes_missing else b"",
                leaves.astype("<f4").tobytes(),
                indices(np.cumsum([0, *n_thresholds])),
                np.concatenate(node.thresholds).astype("<f4").tobytes(),
            ),
        )
    ]


def _require_room(node: QuantizedTrees, trees: list[LaidOut]) -> None:
    n_nodes, n_leaves = max(len(tree.left) for tree in trees), max(len(tree.values) for tree in trees)
    limits = (("features", node.source.width, MAX_RANKED), ("nodes in a tree", n_nodes, MAX_NARROW_NODES))
    for what, count, limit in (*limits, ("distinct leaves in a tree", n_leaves, MAX_RANKED_LEAVES)):
        if count > limit:
            raise UnsupportedModelError(f"quantized trees have at most {limit} {what}, the model has {count}")


def _records(tree: LaidOut, node: QuantizedTrees) -> bytes:
    nodes = np.empty(len(tree.left), _NODE)
    is_leaf = tree.left == np.arange(len(tree.left))
    number = tree.threshold_bits & (MAX_LEAVES - 1)
    nodes["feature"] = np.where(is_leaf, number % _BYTE, tree.feature)
    nodes["rank"] = np.where(is_leaf, number // _BYTE, 0)
    threshold = tree.threshold_bits.view(np.float32)
    for column in np.unique(tree.feature[~is_leaf]):
        here = ~is_leaf & (tree.feature == column)
        nodes["rank"][here] = np.searchsorted(node.thresholds[column], threshold[here])
    nodes["left"] = tree.left
    return nodes.tobytes()
