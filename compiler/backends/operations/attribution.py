"""What a plan holds to explain scores by: mean scores of a tree's nodes, as steps from node to node.

A contribution along a path is the difference between the mean scores of a node and its
parent, due to the feature that the parent splits on. Source: A. Saabas, "Interpreting
random forests", 2014. The means are over the rows that reach a node; a node that none
reaches takes its parent's, a leaf always its own.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from compiler.ir.nodes import Floats

MAX_REFERENCE_ROWS = 1000


@dataclass(frozen=True)
class PlannedTree:
    """A tree in the plan's order: a leaf's left child is itself, a right child follows the left.

    Attributes:
        threshold: float32 (n_nodes,).
        feature: int64 (n_nodes,).
        left: int64 (n_nodes,).
        missing_left: bool (n_nodes,).
        values: float64 (n_nodes, width); of the leaves.
    """

    threshold: NDArray[np.float32]
    feature: NDArray[np.int64]
    left: NDArray[np.int64]
    missing_left: NDArray[np.bool_]
    values: Floats

    @property
    def is_leaf(self) -> NDArray[np.bool_]:
        """Which nodes are leaves, (n_nodes,)."""
        return np.asarray(self.left == np.arange(len(self.left)))


def node_steps(tree: PlannedTree, rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return each node's mean scores less its parent's, the root's as they are: (n_nodes, width).

    Args:
        tree: The tree.
        rows: float32 (n_rows, n_features), like those of the training.
    """
    totals, counts = _totals(tree, rows)
    means = tree.values.copy()
    reached = ~tree.is_leaf & (counts > 0)
    means[reached] = totals[reached] / counts[reached, None]
    steps = np.zeros_like(means)
    if not reached[0] and not tree.is_leaf[0]:
        means[0] = tree.values[tree.is_leaf].mean(axis=0)
    steps[0] = means[0]
    level = np.zeros(1, np.int64)
    while len(level := level[~tree.is_leaf[level]]):
        for child in (tree.left[level], tree.left[level] + 1):
            unknown = ~tree.is_leaf[child] & ~reached[child]
            means[child[unknown]] = means[level[unknown]]
            steps[child] = means[child] - means[level]
        level = np.concatenate([tree.left[level], tree.left[level] + 1])
    return steps.astype(np.float32)


def _totals(tree: PlannedTree, rows: NDArray[np.float32]) -> tuple[Floats, Floats]:
    """Return the sums of the leaves that rows through each node come to, and the number of these rows."""
    path = [np.zeros(len(rows), np.int64)]
    while not tree.is_leaf[path[-1]].all():
        path.append(_next(tree, rows, path[-1]))
    totals, counts = np.zeros_like(tree.values), np.zeros(len(tree.left))
    leaves = tree.values[path[-1]]
    for at in path:
        on_way = ~tree.is_leaf[at]
        np.add.at(totals, at[on_way], leaves[on_way])
        counts += np.bincount(at[on_way], minlength=len(counts))
    return totals, counts


def _next(tree: PlannedTree, rows: NDArray[np.float32], at: NDArray[np.int64]) -> NDArray[np.int64]:
    values = rows[np.arange(len(rows)), tree.feature[at]]
    right = np.where(np.isnan(values), ~tree.missing_left[at], values > tree.threshold[at])
    return np.where(tree.is_leaf[at], at, tree.left[at] + right)
