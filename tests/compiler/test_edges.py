"""Rows at the edges arrive where they should, and a plan that is one float32 off is caught there."""

import dataclasses
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestRegressor
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import KBinsDiscretizer, StandardScaler

from compiler.backends.artifact import EmittedArtifact
from compiler.backends.plan import emit
from compiler.edges import MAX_NUMBERS, EdgeRows, edge_rows
from compiler.errors import ParityError
from compiler.frontends.sklearn import SklearnModel
from compiler.ir.lowering import lower_estimator
from compiler.ir.nodes import Concatenate, Constant, Graph, Row, Select, Tree, TreeEnsemble
from compiler.parity import prove
from compiler.row_columns import row_columns
from compiler.tolerance import Tolerance

SAMPLE = np.random.default_rng(3).normal(size=(40, 3)).astype(np.float32)


def _groups(graph: Graph, sample: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
    return {group.kind: group.rows for group in edge_rows(graph, sample)}


def _tree(model: Any) -> TreeEnsemble:
    node = lower_estimator(model).output
    assert isinstance(node, TreeEnsemble)
    return node


def _leaf(tree: Tree, row: NDArray[np.float32]) -> list[int]:
    """Walk a tree; return the splits and the leaf that a row passes."""
    passed = [0]
    while tree.left[passed[-1]] >= 0:
        at = passed[-1]
        goes_left = row[tree.feature[at]] <= np.float64(tree.threshold[at])
        passed.append(int(tree.left[at] if goes_left else tree.right[at]))
    return passed


@pytest.fixture(scope="module")
def boosted() -> Any:
    return HistGradientBoostingRegressor(max_iter=1, min_samples_leaf=2).fit(SAMPLE, SAMPLE[:, 0] * SAMPLE[:, 1])


def test_rows_arrive_at_every_split_and_take_both_its_branches(boosted: Any) -> None:
    (tree,) = _tree(boosted).trees
    rows = _groups(lower_estimator(boosted), SAMPLE)["thresholds"]
    passed = {node for row in rows for node in _leaf(tree, row)}
    assert passed == set(range(len(tree.left)))


@pytest.mark.slow
def test_rows_of_many_features_are_few() -> None:
    wide = np.random.default_rng(0).normal(size=(100, 40_000)).astype(np.float32)
    forest = RandomForestRegressor(20, max_features=5, random_state=0).fit(wide, wide[:, 0])
    groups = _groups(lower_estimator(forest), wide)
    splits = MAX_NUMBERS // wide.shape[1]
    assert splits < sum(tree.tree_.node_count // 2 for tree in forest.estimators_)
    assert len(groups["thresholds"]) <= 3 * splits + 5 * 64
    assert len(groups["missing values"]) == splits + 64


def test_trees_of_one_feature() -> None:
    model = RandomForestRegressor(2, max_depth=3, random_state=0).fit(SAMPLE[:, :1], SAMPLE[:, 0])
    rows = _groups(lower_estimator(model), SAMPLE[:, :1])["thresholds"]
    for tree in _tree(model).trees:
        assert {node for row in rows for node in _leaf(tree, row)} == set(range(len(tree.left)))


def test_there_are_missing_values_and_infinities(boosted: Any) -> None:
    groups = _groups(lower_estimator(boosted), SAMPLE)
    assert np.isnan(groups["missing values"]).any(axis=1).all()
    assert np.isinf(groups["infinities"]).any(axis=1).all()
    assert {0.0, float(np.finfo(np.float32).smallest_subnormal)} <= set(groups["thresholds"].ravel().tolist())


def test_a_network_gets_numbers_only() -> None:
    graph = lower_estimator(Ridge().fit(SAMPLE, SAMPLE[:, 0]))
    assert list(_groups(dataclasses.replace(graph, single_precision=True), SAMPLE)) == ["thresholds"]


def test_steps_that_tell_numbers_apart_are_tried_too() -> None:
    bins = KBinsDiscretizer(4, encode="ordinal", quantile_method="averaged_inverted_cdf")
    model = make_pipeline(bins, Ridge()).fit(SAMPLE.astype(float), SAMPLE[:, 0])
    rows = _groups(lower_estimator(model), SAMPLE)["thresholds"]
    for column, edges in enumerate(model[0].bin_edges_):
        for edge in edges[1:-1]:
            assert np.abs(rows[:, column] - edge).min() <= np.spacing(np.float32(abs(edge)))


def test_the_same_model_gives_the_same_rows(boosted: Any) -> None:
    first, second = (edge_rows(lower_estimator(boosted), SAMPLE) for _ in range(2))
    for one, other in zip(first, second, strict=True):
        assert one.rows.tobytes() == other.rows.tobytes()


def test_columns_are_followed_to_the_row() -> None:
    row = Row(4)
    assert row_columns(Concatenate((Select(row, (2, 0)), Constant(np.zeros(1)), row))) == [2, 0, None, 0, 1, 2, 3]


@settings(max_examples=30)
@given(st.integers(0, 2**31 - 1), st.booleans())
def test_a_threshold_that_is_one_float32_off_is_caught(seed: int, up: bool) -> None:  # noqa: FBT001  (drawn)
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(30, 2)).astype(np.float32)
    model = make_pipeline(StandardScaler(), RandomForestRegressor(2, random_state=0)).fit(rows, rng.normal(size=30))
    source = SklearnModel(model)
    graph = source.to_graph()
    folded = _folded(graph)
    number = int(rng.integers(len(folded.trees)))
    splits = np.flatnonzero(folded.trees[number].left >= 0)
    moved = _moved(folded, number, int(rng.choice(splits)), np.inf if up else -np.inf)
    artifact = EmittedArtifact("plan", emit(dataclasses.replace(graph, output=moved)))
    (finite, *_) = edge_rows(graph, rows)
    with pytest.raises(ParityError, match="at the edges"):
        _prove(artifact, source, finite)


def _folded(graph: Graph) -> TreeEnsemble:
    """Return the trees with the scaler folded into them."""
    from compiler.ir.fusion import simplify  # noqa: PLC0415  (for this test only)

    node = simplify(graph.output)
    assert isinstance(node, TreeEnsemble)
    return node


def _moved(node: TreeEnsemble, number: int, split: int, towards: float) -> TreeEnsemble:
    tree = node.trees[number]
    threshold = tree.threshold.copy()
    threshold[split] = np.nextafter(np.float32(threshold[split]), np.float32(towards))
    trees = list(node.trees)
    trees[number] = dataclasses.replace(tree, threshold=threshold)
    return dataclasses.replace(node, trees=tuple(trees))


def _prove(artifact: EmittedArtifact, source: SklearnModel, group: EdgeRows) -> None:
    tolerance = Tolerance((1e-9,), 1e-9)
    prove(artifact, source.signature, group.rows, source.score(group.rows), tolerance, where=" at the edges")
