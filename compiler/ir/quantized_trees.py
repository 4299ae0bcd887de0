"""Trees of few thresholds: those between the same two numbers of the training data become one.

Such thresholds part no rows of the sample from each other, so that each of its rows goes the
same way as before. Where a feature has more than a byte can count, neighbours are merged too.
Leaves become float32.
"""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from compiler.ir.fusion import simplify
from compiler.ir.nodes import Float32, Floats, Graph, Node, Tree, TreeEnsemble
from compiler.ir.rewriting import rewrite
from device_contract.plan.format import MAX_RANKED_THRESHOLDS


@dataclass(frozen=True, eq=False)
class QuantizedTrees(TreeEnsemble):
    """Trees that compare ranks.

    Attributes:
        thresholds: For each feature its thresholds, float32, ascending.
    """

    thresholds: tuple[NDArray[np.float32], ...]

    def as_ensemble(self) -> TreeEnsemble:
        """Return the same trees, comparing numbers."""
        source = self.source.source if isinstance(self.source, Float32) else self.source
        return TreeEnsemble(source, self.trees, self.base, self.divisor, self.rounds_row, self.takes_missing)


@simplify.register
def _(node: QuantizedTrees) -> Node:
    return node


def quantize_trees(graph: Graph, evaluate: Callable[[Node], Floats]) -> Graph:
    """Return the model with trees of few thresholds.

    Args:
        graph: The model.
        evaluate: Gives a node's numbers for each row of the sample, (n_rows, width).
    """

    def change(node: Node) -> Node:
        simple = simplify(node) if isinstance(node, TreeEnsemble) else node
        return _quantized(simple, evaluate(simple.source)) if isinstance(simple, TreeEnsemble) else node

    return rewrite(graph, change)


def with_thresholds(graph: Graph) -> Graph:
    """Return the model with trees that compare numbers: the same scores, but for their rounding."""
    return rewrite(graph, lambda node: node.as_ensemble() if isinstance(node, QuantizedTrees) else node)


def _quantized(node: TreeEnsemble, values: Floats) -> QuantizedTrees:
    splits = [tree.left >= 0 for tree in node.trees]
    feature = np.concatenate([tree.feature[split] for tree, split in zip(node.trees, splits, strict=True)])
    threshold = np.concatenate([tree.threshold[split] for tree, split in zip(node.trees, splits, strict=True)])
    snapped, kept = threshold.astype(np.float32), []
    for column in range(node.source.width):
        here = feature == column
        snapped[here] = _snap(snapped[here], values[:, column])
        kept.append(np.unique(snapped[here]))
    ends = np.cumsum([np.count_nonzero(split) for split in splits])[:-1]
    trees = tuple(map(_with_thresholds, node.trees, splits, np.split(snapped, ends)))
    return QuantizedTrees(node.source, trees, node.base, node.divisor, node.rounds_row, node.takes_missing, tuple(kept))


def _snap(thresholds: NDArray[np.float32], values: Floats) -> NDArray[np.float32]:
    """Return for each threshold of a feature the one that stands for it.

    Args:
        thresholds: float32 (n_splits,).
        values: The feature's numbers in the sample, (n_rows,).
    """
    present = np.unique(values[np.isfinite(values)])
    gaps = np.searchsorted(present, thresholds, side="right") + np.isinf(thresholds)  # an infinite one stays alone
    _, first, group, count = np.unique(np.sort(gaps), return_index=True, return_inverse=True, return_counts=True)
    middles = np.sort(thresholds)[first + (count - 1) // 2]
    chosen = np.unique(
        np.linspace(0, len(middles) - 1, min(len(middles), MAX_RANKED_THRESHOLDS)).round().astype(np.intp)
    )
    nearest = np.searchsorted((chosen[:-1] + chosen[1:]) / 2, np.arange(len(middles)))
    snapped = np.empty_like(thresholds)
    snapped[np.argsort(thresholds, kind="stable")] = middles[chosen][nearest][group]
    return snapped


def _with_thresholds(tree: Tree, split: NDArray[np.bool_], thresholds: NDArray[np.float32]) -> Tree:
    threshold = tree.threshold.astype(np.float64)
    threshold[split] = thresholds
    return dataclasses.replace(tree, threshold=threshold, values=tree.values.astype(np.float32).astype(np.float64))
