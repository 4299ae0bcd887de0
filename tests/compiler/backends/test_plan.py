import numpy as np
import pytest
from sklearn.ensemble import ExtraTreesRegressor, RandomForestClassifier
from sklearn.linear_model import Ridge
from sklearn.tree import DecisionTreeRegressor

from compiler.backends.plan import emit
from compiler.errors import UnsupportedModelError
from compiler.ir.lowering import lower_estimator
from compiler.ir.nodes import BinarySigmoid, Floats, Graph, Linear, Row, Tree, TreeEnsemble
from device_contract.plan.format import HEADER, MAX_NARROW_NODES, OPERATION, Kind
from device_contract.plan.scorer import PlanScorer


def kind_of(data: bytes) -> int:
    """Return the kind of the first operation."""
    return int(OPERATION.unpack_from(data, HEADER.size)[0])


@pytest.mark.slow
@pytest.mark.parametrize("missing", [False, True])
def test_a_tree_beyond_16_bits_takes_wide_nodes(missing: bool) -> None:  # noqa: FBT001
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(40_000, 3)).astype(np.float32)
    if missing:
        rows[rng.random(rows.shape) < 0.05] = np.nan
    model = DecisionTreeRegressor(random_state=0).fit(rows, rng.normal(size=len(rows)))
    assert model.tree_.node_count > MAX_NARROW_NODES
    data = emit(lower_estimator(model))
    assert kind_of(data) == Kind.WIDE_TREES
    scores = np.empty(len(rows))
    PlanScorer(data).score_batch(rows, len(rows), scores)
    np.testing.assert_array_equal(scores, model.predict(rows))


def test_equal_leaves_are_kept_once() -> None:
    rng = np.random.default_rng(0)
    rows, target = rng.normal(size=(500, 4)), rng.integers(3, size=500)
    forest = RandomForestClassifier(10, random_state=0).fit(rows, target)
    data = emit(lower_estimator(forest))
    n_leaves = OPERATION.unpack_from(data, HEADER.size)[8 + 3]

    assert n_leaves < sum(tree.get_n_leaves() for tree in forest.estimators_) / 10


def test_a_single_leaf_is_a_tree() -> None:
    model = ExtraTreesRegressor(3).fit([[0.0], [1.0]], [4.0, 4.0])
    assert PlanScorer(emit(lower_estimator(model))).score([7.0]) == 4.0


def test_refuses_what_is_not_finite() -> None:
    row = Row(2)
    weights = np.array([[np.nan, 1.0]])
    with pytest.raises(UnsupportedModelError, match="coefficients are not all finite"):
        emit(Graph(row, Linear(row, weights, np.zeros(2), np.zeros(1))))
    leaf = Tree(
        *(np.array([value]) for value in (0, 0.0, -1, -1)),
        np.array([False]),
        np.array([[np.inf]]),
        0,  # type: ignore[arg-type]
    )
    with pytest.raises(UnsupportedModelError, match="leaves or thresholds are not numbers"):
        emit(Graph(row, TreeEnsemble(row, (leaf,), np.zeros(1), 1.0, rounds_row=True, takes_missing=False)))


def test_refuses_more_outputs_than_a_plan_has() -> None:
    targets: Floats = np.zeros((4, 4097))
    model = Ridge().fit(np.eye(4), targets)
    with pytest.raises(UnsupportedModelError, match="4097 outputs"):
        emit(lower_estimator(model))


def test_refuses_a_link_that_does_not_fit() -> None:
    row = Row(2)
    linear = Linear(row, np.ones((3, 2)), np.zeros(2), np.zeros(3))
    with pytest.raises(UnsupportedModelError, match="does not fit a plan"):
        emit(Graph(row, BinarySigmoid(linear)))
