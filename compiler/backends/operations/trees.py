"""Trees in the plan's layout: siblings side by side, children after their parent.

Nodes are numbered level by level from the root, so that the first steps of every row stay
in the same few cache lines. Equal leaves of a tree share one row of values: the leaves of a
fully grown forest of three classes need three.
"""

from dataclasses import dataclass
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from compiler.backends.operations.attribution import MAX_REFERENCE_ROWS, PlannedTree, node_steps
from compiler.backends.operations.emission import Emission, doubles, operation_for
from compiler.errors import UnsupportedModelError
from compiler.ir.nodes import Float32, Floats, Tree, TreeEnsemble
from device_contract.plan.format import (
    MAX_FEATURES,
    MAX_LEAVES,
    MAX_NARROW_NODES,
    QUIET_NAN_BITS,
    Kind,
    Operation,
    TreeTable,
    tree_records,
)

_NARROW = np.dtype([("threshold", "<u4"), ("feature", "<u2"), ("left", "<u2")])
_WIDE = np.dtype([("threshold", "<u4"), ("feature", "<u4"), ("left", "<u4")])


@dataclass(frozen=True)
class LaidOut:
    """One tree in the plan's order; thresholds as bits, for leaves hold NaN with a number in it."""

    threshold_bits: NDArray[np.uint32]
    feature: NDArray[np.int64]
    left: NDArray[np.int64]
    missing_left: NDArray[np.bool_]
    values: Floats
    output: int


@operation_for.register
def _(node: TreeEnsemble, emission: Emission) -> list[Operation]:
    if isinstance(node.source, Float32) and not node.rounds_row:
        raise UnsupportedModelError("trees that compare computed float64 values are not ones that a plan can express")
    trees = [lay_out(tree) for tree in node.trees]
    sizes = [len(tree.left) for tree in trees]
    wide = max(sizes) > MAX_NARROW_NODES
    first_nodes, first_leaves = starts_of(sizes), starts_of([len(tree.values) for tree in trees])
    records = tree_records(
        tuple(
            TreeTable(first, size, leaf, tree.output)
            for first, size, leaf, tree in zip(first_nodes, sizes, first_leaves, trees, strict=True)
        )
    )
    missing = np.packbits(np.concatenate([tree.missing_left for tree in trees]), bitorder="little")
    leaves = np.concatenate([tree.values for tree in trees])
    nodes = b"".join(_records(tree, _WIDE if wide else _NARROW) for tree in trees)
    return [
        Operation(
            Kind.WIDE_TREES if wide else Kind.TREES,
            emission.output,
            emission.inputs[0],
            sizes=(leaves.shape[1], len(trees), sum(sizes), len(leaves)),
            parameters=(node.divisor,),
            tables=(
                doubles(node.base),
                records,
                nodes,
                missing.tobytes() if node.takes_missing else b"",
                doubles(leaves),
                *_explanation(node, trees, emission),
            ),
        )
    ]


def _explanation(node: TreeEnsemble, trees: list[LaidOut], emission: Emission) -> tuple[bytes, ...]:
    """Return the steps from node to node, and the expected scores."""
    if emission.reference is None:
        return ()
    rows = emission.reference[:MAX_REFERENCE_ROWS]
    steps = [node_steps(_planned(tree), rows) for tree in trees]
    expected = node.base.copy()
    for tree, own in zip(trees, steps, strict=True):
        expected[tree.output : tree.output + own.shape[1]] += own[0]
    return np.concatenate(steps).astype("<f4").tobytes(), doubles(expected / node.divisor)


def _planned(tree: LaidOut) -> PlannedTree:
    is_leaf = tree.left == np.arange(len(tree.left))
    values = np.zeros((len(tree.left), tree.values.shape[1]))
    values[is_leaf] = tree.values[tree.threshold_bits[is_leaf] & (MAX_LEAVES - 1)]
    threshold = tree.threshold_bits.view(np.float32)
    return PlannedTree(threshold, tree.feature, tree.left, tree.missing_left, values)


def starts_of(sizes: list[int]) -> list[int]:
    """Return where each of some pieces starts, one after the other."""
    return list(accumulate(sizes[:-1], initial=0))


def lay_out(tree: Tree) -> LaidOut:
    """Put a tree in the plan's order.

    Raises:
        UnsupportedModelError: It is no tree, it has too many leaves, or its numbers are none.
    """
    order, left = _by_level(tree)
    is_leaf = tree.left[order] < 0
    values, number = np.unique(tree.values[order][is_leaf], axis=0, return_inverse=True)
    if len(values) > MAX_LEAVES:
        raise UnsupportedModelError(f"a tree has {len(values)} distinct leaves, a plan holds at most {MAX_LEAVES}")
    if not np.isfinite(values).all() or np.isnan(tree.threshold[order][~is_leaf]).any():
        raise UnsupportedModelError("a tree's leaves or thresholds are not numbers")
    threshold_bits = tree.threshold[order].astype(np.float32).view(np.uint32)
    threshold_bits[is_leaf] = QUIET_NAN_BITS | number.reshape(-1)
    feature = np.where(is_leaf, 0, tree.feature[order])
    if not 0 <= feature.min() <= feature.max() < MAX_FEATURES:
        raise UnsupportedModelError(f"a tree splits on feature {feature.max()}, a plan has at most {MAX_FEATURES}")
    return LaidOut(threshold_bits, feature, left, tree.missing_left[order], values, tree.output)


def _by_level(tree: Tree) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the old number of each new node, and the new number of its left child (a leaf's own)."""
    level = np.zeros(1, np.int64)
    levels, lefts, first = [], [], 0
    while len(level):
        if first + len(level) > len(tree.left):
            raise UnsupportedModelError("a tree's nodes have more than one parent")
        split = tree.left[level] >= 0
        numbers = np.arange(first, first + len(level))
        first += len(level)
        numbers[split] = first + 2 * np.arange(split.sum())
        levels.append(level)
        lefts.append(numbers)
        level = np.stack([tree.left[level[split]], tree.right[level[split]]], axis=1).reshape(-1)
    return np.concatenate(levels), np.concatenate(lefts)


def _records(tree: LaidOut, layout: np.dtype[np.void]) -> bytes:
    nodes = np.empty(len(tree.left), layout)
    nodes["threshold"], nodes["feature"], nodes["left"] = tree.threshold_bits, tree.feature, tree.left
    return nodes.tobytes()
