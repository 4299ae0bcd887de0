"""Rows at a model's edges: where one float32 more or less makes another score.

For each split of a tree that looks at the row: a row that arrives there, with the feature at the
threshold, one float32 below and above it, and missing. For each split that looks at a step function of
it, such as a set of categories: a row for either side, and one that misses it. For every other step that
tells numbers apart: its numbers, and those beside them. For all models: zeros of both signs, the
smallest numbers, missing ones and infinities.

All rows start from rows of the sample, so that what is not at the edge is like what the model
was trained on.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import singledispatch

import numpy as np
from numpy.typing import NDArray

from compiler.ir.fusion import round_down
from compiler.ir.nodes import Graph, Node, Tree, TreeEnsemble
from compiler.ir.ordering import order
from compiler.ir.piecewise import Piecewise
from compiler.row_columns import row_columns
from compiler.spread import evenly
from compiler.step_columns import StepColumn, branches_above, step_columns, take_branches

Rows = NDArray[np.float32]
MAX_SPLITS = 2000
"""Splits whose thresholds are tried, spread evenly over all."""
MAX_VALUES = 2000
"""Numbers of the other steps that are tried, spread evenly over all."""
MAX_FEATURES = 64
"""Features that take each special number, spread evenly over all."""
MAX_NUMBERS = 1 << 24
"""In the rows of splits, and in those of other numbers: of more than 8388 features, fewer are tried."""
_TINY = float(np.finfo(np.float32).smallest_subnormal)
_FINITE = (0.0, -0.0, _TINY, -_TINY, float(np.finfo(np.float32).tiny))


@dataclass(frozen=True)
class EdgeRows:
    """Rows of one kind; a model that refuses one of them refuses all.

    Attributes:
        kind: What they are, for the user.
        rows: float32 (n_rows, n_features).
    """

    kind: str
    rows: Rows


def edge_rows(graph: Graph, sample: Rows) -> tuple[EdgeRows, ...]:
    """Return the rows at the edges of a model; the same model and sample give the same rows.

    Args:
        graph: The model.
        sample: float32 (n_rows, n_features), at least one row.
    """
    nodes = [step.node for step in order(graph)]
    finite, missing = _at_thresholds(nodes, sample)
    values = [(column, value) for node in nodes for column, value in _values(node)]
    chosen = [values[index] for index in evenly(len(values), min(MAX_VALUES, MAX_NUMBERS // graph.n_features))]
    columns = evenly(graph.n_features, MAX_FEATURES)
    special = [(column, value) for column in columns for value in _FINITE]
    groups = [EdgeRows("thresholds", np.concatenate([finite, _replaced(sample, chosen + special)]))]
    if not graph.single_precision:  # a network is not trained to take what is no number
        absent = _replaced(sample, [(column, np.nan) for column in columns])
        groups.append(EdgeRows("missing values", np.concatenate([missing, absent])))
        infinite = [(column, value) for column in columns for value in (np.inf, -np.inf)]
        groups.append(EdgeRows("infinities", _replaced(sample, infinite)))
    return tuple(groups)


def _replaced(sample: Rows, values: list[tuple[int, float]]) -> Rows:
    """Return rows of the sample, one for each value, which replaces what its column holds."""
    rows = sample[np.arange(len(values)) % len(sample)].copy()
    for row, (column, value) in zip(rows, values, strict=True):
        row[column] = value
    return rows


@singledispatch
def _values(_: Node) -> Iterator[tuple[int, float]]:
    """Give each number of a step that tells the row's numbers apart, and those beside it, with the row's column."""
    return iter(())


@_values.register
def _(node: Piecewise) -> Iterator[tuple[int, float]]:
    for column, pieces in zip(row_columns(node.source), node.pieces, strict=True):
        if column is not None:
            at = round_down(pieces.knots[np.isfinite(pieces.knots)])
            yield from ((column, float(value)) for value in _beside(at).ravel())


def _beside(values: Rows) -> Rows:
    """Return the values, and the float32 numbers below and above them, (n_values, 3)."""
    with np.errstate(over="ignore"):
        below, above = (np.nextafter(values, np.float32(end)) for end in (-np.inf, np.inf))
    return np.stack([below, values, above], axis=1)


def _at_thresholds(nodes: list[Node], sample: Rows) -> tuple[Rows, Rows]:
    """Return the rows at thresholds, and those that miss the feature that is compared."""
    ensembles = [(node.trees, _Looked(node.source)) for node in nodes if isinstance(node, TreeEnsemble)]
    trees = [(tree, looked) for several, looked in ensembles for tree in several]
    starts = np.cumsum([0, *(np.count_nonzero(tree.left >= 0) for tree, _ in trees)])
    chosen = np.array(evenly(int(starts[-1]), min(MAX_SPLITS, MAX_NUMBERS // sample.shape[1])), np.int64)
    nothing = sample[:0]
    finite, missing = [nothing], [nothing]
    for (tree, looked), first, last in zip(trees, starts, starts[1:], strict=False):
        here = chosen[(chosen >= first) & (chosen < last)]
        if not len(here):
            continue
        splits = np.flatnonzero(tree.left >= 0)[here - first]
        start = sample[here % len(sample)]
        seen = looked.columns[tree.feature[splits]] >= 0
        rows = _arriving(tree, splits[seen], looked, start[seen])
        feature, threshold = looked.columns[tree.feature[splits[seen]]], tree.threshold[splits[seen]].astype(np.float32)
        finite += [_with(rows, feature, values) for values in _beside(threshold).T]
        missing.append(_with(rows, feature, np.full_like(threshold, np.nan)))
        stepped = looked.stepped[tree.feature[splits]] >= 0
        split, start = splits[stepped], start[stepped]
        finite += [_arriving(tree, side[split], looked, start) for side in (tree.left, tree.right)]
        absent = np.full(len(split), np.nan, np.float32)
        missing.append(_with(_arriving(tree, split, looked, start), looked.stepped[tree.feature[split]], absent))
    return _only_finite(np.concatenate(finite)), np.concatenate(missing)


class _Looked:
    """What trees look at.

    Attributes:
        columns: The row's column that each number is; -1 for one that is computed.
        steps: The step function of the row that it is, if it is one.
        stepped: The row's column that it is a step function of, or -1.
    """

    def __init__(self, node: Node) -> None:
        self.columns = np.array([-1 if column is None else column for column in row_columns(node)])
        self.steps: list[StepColumn | None] = step_columns(node)
        self.stepped = np.array([-1 if step is None else step.column for step in self.steps])


def _with(rows: Rows, feature: NDArray[np.int64], values: Rows) -> Rows:
    changed = rows.copy()
    changed[np.arange(len(rows)), feature] = values
    return changed


def _only_finite(rows: Rows) -> Rows:
    return rows[np.isfinite(rows).all(axis=1)]


def _arriving(tree: Tree, splits: NDArray[np.int64], looked: _Looked, rows: Rows) -> Rows:
    """Move rows into the boxes that the splits above each node leave open, so that they arrive there.

    Args:
        tree: A tree that compares float32.
        splits: Its splits, or leaves, (n_splits,).
        looked: What it looks at.
        rows: A row for each of them, (n_splits, n_features).
    """
    parent, from_left = _parents(tree)
    lowest, highest = np.full_like(rows, -np.inf), np.full_like(rows, np.inf)
    at = splits.copy()
    while (parent[at] >= 0).any():
        above = parent[at]
        column = np.where(above >= 0, looked.columns[tree.feature[np.maximum(above, 0)]], -1)
        for bound, is_left in ((highest, True), (lowest, False)):
            number = np.flatnonzero((column >= 0) & (from_left[at] == is_left))
            threshold = tree.threshold[above[number]].astype(np.float32)
            _narrow(bound, number, column[number], threshold, is_left=is_left)
        at = np.where(above >= 0, above, at)
    arriving = np.clip(np.nan_to_num(rows), lowest, highest)
    if (looked.stepped >= 0).any():
        for row, node in zip(arriving, splits.tolist(), strict=True):
            take_branches(row, branches_above(tree, node, looked.steps, parent, from_left))
    return arriving


def _narrow(
    bound: Rows, number: NDArray[np.int64], column: NDArray[np.int64], threshold: Rows, *, is_left: bool
) -> None:
    if is_left:
        bound[number, column] = np.minimum(bound[number, column], threshold)
    else:
        above = np.nextafter(threshold, np.float32(np.inf))
        bound[number, column] = np.maximum(bound[number, column], above)


def _parents(tree: Tree) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return each node's parent, -1 for the root, and whether it is the left child."""
    parent, from_left = np.full(len(tree.left), -1), np.zeros(len(tree.left), bool)
    splits = np.flatnonzero(tree.left >= 0)
    parent[tree.left[splits]] = parent[tree.right[splits]] = splits
    from_left[tree.left[splits]] = True
    return parent, from_left
