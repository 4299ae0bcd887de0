"""Simplify a node before it is emitted: fold what happens to the row into what reads it.

Into a matrix by algebra. Into trees exactly: a scaler never decreases, so there is a largest
float32 ``x`` whose scaled value is at most the threshold, and ``x`` is found by bisection
over the float32 numbers with the scaler's own arithmetic. The same finds, without a scaler,
the double threshold rounded down to float32, which is what makes ``x <= t`` equal for every
float32 ``x``.
"""

import dataclasses
from functools import singledispatch

import numpy as np
from numpy.typing import NDArray

from compiler.ir.nodes import (
    BinarySigmoid,
    Float32,
    Floats,
    Linear,
    Map,
    MapConstant,
    Node,
    RefuseMissing,
    Row,
    SigmoidNormalized,
    Softmax,
    Tree,
    TreeEnsemble,
)
from compiler.ir.piecewise import ranks
from device_contract.plan.format import Function

_FOLDED: dict[Function, np.ufunc] = {
    Function.ADD: np.add,
    Function.SUBTRACT: np.subtract,
    Function.MULTIPLY: np.multiply,
    Function.DIVIDE: np.divide,
}
_SCALING = frozenset({Function.MULTIPLY, Function.DIVIDE})
_ACTIVATIONS = frozenset({Function.RELU, Function.SIGMOID, Function.TANH})
MAX_DOT_WIDTH = 8
"""A linear node of more results is emitted as a dense operation."""


@singledispatch
def simplify(node: Node) -> Node:
    """Return a node that gives the same, and is nearer to one operation of a plan."""
    return node


@simplify.register
def _(node: Linear) -> Node:
    steps, source = _scalers_before(node.source, must_rise=False)
    folded = _fold_linear(node, steps, source)
    if len(folded.base) <= MAX_DOT_WIDTH or not folded.center.any():
        return folded
    centred = MapConstant(Function.SUBTRACT, folded.source, folded.center)
    return dataclasses.replace(folded, source=centred, center=np.zeros_like(folded.center))


@simplify.register
def _(node: Map) -> Node:
    source = simplify(node.source) if node.function == Function.RELU and isinstance(node.source, Linear) else node
    if isinstance(source, Linear) and len(source.base) > MAX_DOT_WIDTH:
        return dataclasses.replace(source, rectified=True)
    return node


@simplify.register
def _(node: TreeEnsemble) -> Node:
    steps, source = _scalers_before(node.source, must_rise=True)
    start = source.source if isinstance(source, RefuseMissing) else source
    if not isinstance(start, Row):
        node = node if node.rounds_row else _over_ranks(node)
        steps, source = (), Float32(node.source)
    trees = tuple(_fold_tree(tree, steps, rounds_row=node.rounds_row) for tree in node.trees)
    return dataclasses.replace(node, source=source, trees=trees)


def _over_ranks(node: TreeEnsemble) -> TreeEnsemble:
    """Compare computed float64 numbers by their ranks among the thresholds, which float32 holds exactly."""
    splits = [tree.left >= 0 for tree in node.trees]
    features = np.concatenate([tree.feature[split] for tree, split in zip(node.trees, splits, strict=True)])
    values = np.concatenate([tree.threshold[split] for tree, split in zip(node.trees, splits, strict=True)])
    finite = values < np.inf  # an infinite threshold keeps only NaN from going left
    thresholds = [np.unique(values[finite & (features == column)]) for column in range(node.source.width)]
    trees = tuple(_ranked(tree, thresholds) for tree in node.trees)
    return dataclasses.replace(node, source=ranks(node.source, thresholds), trees=trees, rounds_row=True)


def _ranked(tree: Tree, thresholds: list[Floats]) -> Tree:
    ranked = np.zeros_like(tree.threshold)
    for column in np.unique(tree.feature[tree.left >= 0]):
        here = (tree.left >= 0) & (tree.feature == column)
        ranked[here] = np.searchsorted(thresholds[column], tree.threshold[here])
    return dataclasses.replace(tree, threshold=ranked)


def drop_needless_refusals(node: Node) -> Node:
    """Return the output without refusals of missing values before matrices and links.

    NaN times anything is NaN, and so is what a network's activations make of it: such a model
    refuses by itself.
    """
    if isinstance(node, BinarySigmoid | Softmax | SigmoidNormalized | Linear):
        return dataclasses.replace(node, source=_without_refusals(node.source))
    return node


def _without_refusals(node: Node) -> Node:
    if isinstance(node, RefuseMissing):
        return _without_refusals(node.source)
    if (isinstance(node, MapConstant) and node.function in _FOLDED) or (
        isinstance(node, Map) and node.function in _ACTIVATIONS
    ):
        return dataclasses.replace(node, source=_without_refusals(node.source))
    return drop_needless_refusals(node)


def _scalers_before(node: Node, *, must_rise: bool) -> tuple[tuple[MapConstant, ...], Node]:
    """Return the steps that can be folded into what follows, in order, and what they start from.

    A refusal between them comes to stand before them: what is finite stays so.

    Args:
        node: The last step, or what there is instead.
        must_rise: Only steps that never decrease: by factors above zero.
    """
    steps: list[MapConstant] = []
    refuses = False
    while True:
        if isinstance(node, RefuseMissing):
            refuses = True
        elif isinstance(node, MapConstant) and node.function in _FOLDED:
            if must_rise and node.function in _SCALING and (node.constants <= 0).any():
                break
            steps.append(node)
        else:
            break
        node = node.source
    return tuple(reversed(steps)), RefuseMissing(node) if refuses else node


def _fold_linear(node: Linear, steps: tuple[MapConstant, ...], source: Node) -> Linear:
    """Write the scaled row as ``slope * (row - center) + shift`` and fold it into the matrix.

    What is subtracted first stays apart as the center: multiplied out, it would cancel
    against the base and take digits with it where a feature is far from zero.
    """
    slope, center, shift = np.ones_like(node.center), np.zeros_like(node.center), np.zeros_like(node.center)
    untouched = True
    for step in steps:
        if step.function == Function.SUBTRACT and untouched:
            center = center + step.constants
            continue
        untouched = False
        shift = _FOLDED[step.function](shift, step.constants)
        if step.function in _SCALING:
            slope = _FOLDED[step.function](slope, step.constants)
    if not steps:
        return dataclasses.replace(node, source=source)
    return Linear(source, node.weights * slope, center, node.base + node.weights @ (shift - node.center))


def _fold_tree(tree: Tree, steps: tuple[MapConstant, ...], *, rounds_row: bool) -> Tree:
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
    threshold: Floats, feature: NDArray[np.int64], steps: tuple[MapConstant, ...], *, rounds_row: bool
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
    values: NDArray[np.float32], feature: NDArray[np.int64], steps: tuple[MapConstant, ...], *, rounds_row: bool
) -> Floats:
    scaled = values.astype(np.float64)
    with np.errstate(over="ignore"):
        for step in steps:
            scaled = _FOLDED[step.function](scaled, step.constants[feature])
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
