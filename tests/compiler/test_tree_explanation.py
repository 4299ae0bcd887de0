"""Contributions of trees against the steps of each path added one by one, for every way to add them up."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.ensemble import GradientBoostingRegressor, HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.ensemble import RandomForestRegressor as Forest
from sklearn.tree import DecisionTreeRegressor

from compiler.backends.operations.attribution import PlannedTree, node_steps
from compiler.backends.operations.trees import LaidOut, lay_out
from compiler.backends.plan import emit
from compiler.ir.lowering import lower_estimator
from compiler.ir.nodes import Graph, Node, Row, Tree, TreeEnsemble
from device_contract.plan.format import MAX_LEAVES
from device_contract.plan.scorer import PlanScorer
from tests.device_contract.plan.variants import available, explain, explain_tables, place

Rows = NDArray[np.float32]
UNIT = 1.0 / 32767
"""What a share of a class that one leaf adds is rounded to, where the lines hold counts; the averages err by less."""
CASES: dict[str, tuple[int, int, Any]] = {
    "two classes, counted": (30, 2, RandomForestClassifier(30, max_depth=8)),
    "three classes, counted": (30, 3, RandomForestClassifier(30, max_depth=8)),
    "few, counted": (4, 2, RandomForestClassifier(5)),
    "few, in place": (8, 1, GradientBoostingRegressor(n_estimators=30)),
    "one score": (40, 1, GradientBoostingRegressor(n_estimators=30)),
    "two classes": (70, 2, RandomForestClassifier(30, max_depth=8)),
    "three classes": (40, 3, RandomForestClassifier(30, max_depth=8)),
    "four classes": (40, 4, RandomForestClassifier(30, max_depth=8)),
    "six classes": (40, 6, RandomForestClassifier(30, max_depth=8)),
    "wide rows": (300, 4, RandomForestClassifier(30, max_depth=8)),
    "trees of one of three scores": (40, 3, HistGradientBoostingClassifier(max_iter=10)),
    "three targets": (40, -3, Forest(30, max_depth=8)),
    "deeper than tables go": (2, 0, DecisionTreeRegressor()),
}


def sample(n_features: int, n_classes: int) -> tuple[Rows, NDArray[Any]]:
    """Draw rows and what is learnt of them; no classes: a tree as deep as there are rows."""
    rng = np.random.default_rng(5)
    rows = rng.normal(size=(400, n_features)).astype(np.float32)
    if n_classes == 0:
        rows = np.sort(rows[:100], axis=0)
        return rows, 2.0 ** np.arange(len(rows))
    targets = rows[:, : max(1, -n_classes)] - rows[:, 3:4] + rng.normal(size=(400, 1)) / 4
    if n_classes > 1:
        return rows, np.digitize(targets[:, 0], np.quantile(targets, np.arange(1, n_classes) / n_classes))
    return rows, targets if n_classes < 0 else targets[:, 0]


def coarseness(case: str) -> float:
    """Return by how much a contribution may be rounded, whatever its size."""
    return UNIT / 2 if "counted" in case else 0.0


def ensemble_of(node: Node) -> TreeEnsemble:
    """Return the trees below a link."""
    while not isinstance(node, TreeEnsemble):
        node = node.operands[0]
    return node


def planned(tree: LaidOut) -> PlannedTree:
    """Return a tree with the values of its leaves in their places."""
    is_leaf = tree.left == np.arange(len(tree.left))
    values = np.zeros((len(tree.left), tree.values.shape[1]))
    values[is_leaf] = tree.values[tree.threshold_bits[is_leaf] & (MAX_LEAVES - 1)]
    return PlannedTree(tree.threshold_bits.view(np.float32), tree.feature, tree.left, tree.missing_left, values)


def step_by_step(ensemble: TreeEnsemble, reference: Rows, row: Rows) -> NDArray[np.float64]:
    """Add the steps of the paths, in float64: (n_features, width)."""
    total = np.zeros((len(row), len(ensemble.base)))
    for laid_out in map(lay_out, ensemble.trees):
        tree, at = planned(laid_out), 0
        steps = node_steps(tree, reference)
        while tree.left[at] != at:
            value, feature = row[tree.feature[at]], tree.feature[at]
            right = not tree.missing_left[at] if np.isnan(value) else value > tree.threshold[at]
            at = tree.left[at] + int(right)
            total[feature, laid_out.output : laid_out.output + steps.shape[1]] += steps[at]
    return total / ensemble.divisor


@pytest.mark.parametrize("case", CASES)
def test_contributions_are_the_steps_of_the_paths(case: str) -> None:
    n_features, n_classes, model = CASES[case]
    rows, target = sample(n_features, n_classes)
    graph = lower_estimator(model.set_params(random_state=0).fit(rows, target))
    scorer, ensemble = PlanScorer(emit(graph, rows)), ensemble_of(graph.output)
    out = np.empty((n_features + 1, scorer.n_explained))
    with_gaps = rows[:3].copy()
    with_gaps[:, ::2] = np.nan
    for row in np.concatenate([rows[:5], with_gaps] if ensemble.takes_missing else [rows[:5]]):
        scorer.explain_into(row, out)
        expected = step_by_step(ensemble, rows, row)
        atol = coarseness(case) + 1e-6 * np.abs(expected).max()
        np.testing.assert_allclose(out[:-1], expected, rtol=1e-5, atol=atol)


@pytest.mark.parametrize("case", CASES)
def test_every_way_to_add_them_up_gives_the_same(case: str) -> None:
    n_features, n_classes, model = CASES[case]
    rows, target = sample(n_features, n_classes)
    plan = place(emit(lower_estimator(model.set_params(random_state=0).fit(rows, target)), rows))
    tables = explain_tables(plan)
    given = np.tile(rows[:100], (3, 1))  # more than are explained at once
    given[1::9, ::2] = np.nan
    step_wise = explain(available()["plain"], plan, None, given, together=False)
    plain = explain(available()["plain"], plan, tables, given, together=False)
    as_floats = np.isclose(plain, step_wise, rtol=1e-5, atol=1e-6 * np.nanmax(np.abs(step_wise)), equal_nan=True)
    assert as_floats.all() == ("counted" not in case)
    np.testing.assert_allclose(plain[~as_floats], step_wise[~as_floats], rtol=0.0, atol=coarseness(case))
    for kernels in available().values():
        for together in (False, True):
            np.testing.assert_array_equal(explain(kernels, plan, tables, given, together=together), plain)


def full_tree(depth: int, seed: int) -> Tree:
    """Return a tree with all leaves on one level, over 32 features."""
    rng, n_splits = np.random.default_rng(seed), 2**depth - 1
    n_nodes = 2 * n_splits + 1
    children = np.arange(n_nodes) * 2
    is_leaf = np.arange(n_nodes) >= n_splits
    return Tree(
        rng.integers(0, 32, n_nodes),
        rng.normal(size=n_nodes).astype(np.float32).astype(np.float64),
        np.where(is_leaf, -1, children + 1),
        np.where(is_leaf, -1, children + 2),
        np.zeros(n_nodes, np.bool_),
        rng.normal(size=(n_nodes, 1)),
        0,
    )


@pytest.mark.slow
def test_more_trees_than_have_tables_are_explained_alike() -> None:
    trees, reference = [full_tree(14, seed) for seed in range(3)], sample(32, 1)[0]
    contributions = []
    for times, has_tables in ((1, True), (12, False)):
        row = Row(32)
        ensemble = TreeEnsemble(
            row, tuple(trees * times), np.zeros(1), 3.0 * times, rounds_row=True, takes_missing=False
        )
        scorer = PlanScorer(emit(Graph(row, ensemble), reference))
        assert (scorer.explain_bytes > 0) == has_tables
        out = np.empty((20, 33, 1))
        scorer.explain_batch_into(np.ascontiguousarray(reference[:20]), 20, out)
        contributions.append(out)
    np.testing.assert_allclose(contributions[0], contributions[1], rtol=1e-5, atol=1e-6)
