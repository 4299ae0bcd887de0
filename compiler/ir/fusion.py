"""Fold what happens to the row into what makes scores of it; nothing is left to do at run time.

Into a matrix by algebra. Into trees exactly: a scaler never decreases, so there is a largest
float32 ``x`` whose scaled value is at most the threshold, and ``x`` is found by bisection
over the float32 numbers with the scaler's own arithmetic. The same finds, without a scaler,
the double threshold rounded down to float32, which is what makes ``x <= t`` equal for every
float32 ``x``.
"""

import dataclasses
from itertools import takewhile

import numpy as np
from numpy.typing import NDArray

from compiler.ir.nodes import Elementwise, Floats, Graph, Linear, Node, Operator, Tree, TreeEnsemble

_OPERATORS: dict[Operator, np.ufunc] = {
    "add": np.add,
    "subtract": np.subtract,
    "multiply": np.multiply,
    "divide": np.divide,
}


def fuse(graph: Graph) -> Graph:
    """Return the same model without elementwise nodes, its thresholds exactly float32."""
    steps = tuple(takewhile(lambda node: isinstance(node, Elementwise), graph.nodes))
    elementwise = tuple(step for step in steps if isinstance(step, Elementwise))
    rest = tuple(_fuse_node(node, elementwise) for node in graph.nodes[len(steps) :])
    return dataclasses.replace(graph, nodes=rest)


def _fuse_node(node: Node, steps: tuple[Elementwise, ...]) -> Node:
    if isinstance(node, Linear):
        return _fuse_linear(node, steps)
    if isinstance(node, TreeEnsemble):
        trees = tuple(_fuse_tree(tree, steps, rounds_row=node.rounds_row) for tree in node.trees)
        return dataclasses.replace(node, trees=trees)
    return node


def _fuse_linear(node: Linear, steps: tuple[Elementwise, ...]) -> Linear:
    """Write the scaled row as ``slope * (row - center) + shift`` and fold it into the matrix.

    What is subtracted first stays apart as the center: multiplied out, it would cancel
    against the base and take digits with it where a feature is far from zero.
    """
    slope, center, shift = np.ones_like(node.center), np.zeros_like(node.center), np.zeros_like(node.center)
    untouched = True
    for step in steps:
        if step.operator == "subtract" and untouched:
            center = center + step.operand
            continue
        untouched = False
        shift = _OPERATORS[step.operator](shift, step.operand)
        if step.operator in {"multiply", "divide"}:
            slope = _OPERATORS[step.operator](slope, step.operand)
    return Linear(node.weights * slope, center, node.base + node.weights @ (shift - node.center))


def _fuse_tree(tree: Tree, steps: tuple[Elementwise, ...], *, rounds_row: bool) -> Tree:
    threshold = tree.threshold.copy()
    split = tree.left >= 0
    if steps:
        threshold[split] = _largest_at_most(threshold[split], tree.feature[split], steps, rounds_row=rounds_row)
    else:
        threshold[split] = round_down(threshold[split])
    return dataclasses.replace(tree, threshold=threshold)


def round_down(values: Floats) -> NDArray[np.float32]:
    """Return the largest float32 that is not above each value."""
    with np.errstate(over="ignore"):
        nearest = values.astype(np.float32)
    return np.where(nearest > values, np.nextafter(nearest, np.float32(-np.inf)), nearest)


def _largest_at_most(
    threshold: Floats, feature: NDArray[np.int64], steps: tuple[Elementwise, ...], *, rounds_row: bool
) -> NDArray[np.float32]:
    """Return for each split the largest float32 that the steps send to at most its threshold.

    Args:
        threshold: float64 (n_splits,).
        feature: Which feature each split looks at, (n_splits,).
        steps: What happens to the row before it is compared.
        rounds_row: The scaled value is rounded to float32 before it is compared.
    """
    low = np.full(len(threshold), _to_order(np.float32(-np.inf)), np.int64)
    high = np.full(len(threshold), _to_order(np.float32(np.inf)), np.int64)
    while (low < high).any():
        middle = (low + high + 1) // 2
        fits = _apply(_from_order(middle), feature, steps, rounds_row=rounds_row) <= threshold
        low, high = np.where(fits, middle, low), np.where(fits, high, middle - 1)
    return _from_order(low)


def _apply(
    values: NDArray[np.float32], feature: NDArray[np.int64], steps: tuple[Elementwise, ...], *, rounds_row: bool
) -> Floats:
    scaled = values.astype(np.float64)
    with np.errstate(over="ignore"):
        for step in steps:
            scaled = _OPERATORS[step.operator](scaled, step.operand[feature])
            # Rounding a float64 result is what float32 arithmetic gives (53 >= 2 * 24 + 2 bits).
            scaled = scaled.astype(np.float32).astype(np.float64) if step.rounds else scaled
        return scaled.astype(np.float32).astype(np.float64) if rounds_row else scaled


def _to_order(value: np.float32) -> int:
    """Number the float32 values in ascending order: their bits, those of negative ones turned round."""
    bits = int(value.view(np.int32))
    return bits if bits >= 0 else bits ^ 0x7FFFFFFF


def _from_order(order: NDArray[np.int64]) -> NDArray[np.float32]:
    bits = order.astype(np.int32)
    return np.where(bits >= 0, bits, bits ^ np.int32(0x7FFFFFFF)).astype(np.int32).view(np.float32)
