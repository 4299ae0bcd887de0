"""skops files whose numbers scikit-learn's compiled code would follow out of its tables, or for ever."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skops.io
from numpy.typing import NDArray
from sklearn.ensemble import BaggingRegressor, GradientBoostingRegressor, IsolationForest, RandomForestRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, SVR, OneClassSVM
from sklearn.tree import DecisionTreeRegressor

from compiler.errors import ModelError
from compiler.frontends.sklearn_tables import check_tables
from compiler.frontends.skops_file import load_skops


def damage(tree: Any, field: str, node: int, value: int) -> None:
    """Write over one field of a node, in place."""
    tree.__getstate__()["nodes"][field][node] = value


@pytest.mark.parametrize(
    ("field", "value"),
    [("left_child", 0), ("left_child", 10**6), ("right_child", -7), ("feature", 4), ("feature", -3)],
)
def test_a_tree_that_points_outside_itself_is_refused(
    rows: NDArray[np.float32], power: NDArray[np.float64], field: str, value: int
) -> None:
    forest = RandomForestRegressor(2, max_depth=3, random_state=0).fit(rows, power)
    check_tables(make_pipeline(StandardScaler(), forest))
    damage(forest.estimators_[1].tree_, field, 0, value)
    with pytest.raises(ModelError, match="DecisionTreeRegressor in the file is damaged"):
        check_tables(make_pipeline(StandardScaler(), forest))


def test_a_tree_with_more_nodes_than_it_holds_is_refused(rows: NDArray[np.float32], power: NDArray[np.float64]) -> None:
    estimator = DecisionTreeRegressor(max_depth=2).fit(rows, power)
    state = estimator.tree_.__getstate__()
    estimator.tree_.__setstate__(state | {"node_count": 10**9})
    with pytest.raises(ModelError, match="damaged"):
        check_tables(estimator)


@pytest.mark.parametrize(
    "ensemble",
    [
        RandomForestRegressor(2, max_depth=2),
        GradientBoostingRegressor(n_estimators=2),
        BaggingRegressor(n_estimators=2),
    ],
    ids=lambda ensemble: type(ensemble).__name__,
)
def test_members_that_take_another_row_are_refused(
    rows: NDArray[np.float32], power: NDArray[np.float64], ensemble: Any
) -> None:
    ensemble.fit(rows, power)
    check_tables(ensemble)
    wide = DecisionTreeRegressor(max_depth=2).fit(np.tile(rows, 3), power)
    members = np.asarray(ensemble.estimators_, dtype=object)
    members.flat[0] = wide
    ensemble.estimators_ = members
    with pytest.raises(ModelError, match=f"{type(ensemble).__name__} in the file is damaged"):
        check_tables(ensemble)


def test_bags_of_some_features_are_sound(rows: NDArray[np.float32]) -> None:
    check_tables(IsolationForest(n_estimators=3, max_features=2, random_state=0).fit(rows))


@pytest.mark.parametrize(("field", "value"), [("left", 0), ("right", 10**6), ("feature_idx", 4)])
def test_a_boosted_tree_that_points_outside_itself_is_refused(boosted: Any, field: str, value: int) -> None:
    check_tables(boosted)
    nodes = boosted._predictors[0][0].nodes
    before = nodes[field][0]
    nodes[field][0] = value
    with pytest.raises(ModelError, match="HistGradientBoostingRegressor in the file is damaged"):
        check_tables(boosted)
    nodes[field][0] = before


def test_a_split_by_a_category_of_a_number_is_refused(boosted: Any) -> None:
    nodes = boosted._predictors[0][0].nodes
    nodes["is_categorical"][0] = 1
    with pytest.raises(ModelError, match="damaged"):
        check_tables(boosted)
    nodes["is_categorical"][0] = 0


@pytest.mark.parametrize("kind", [SVC, SVR, OneClassSVM])
@pytest.mark.parametrize("name", ["_dual_coef_", "_intercept_", "support_", "support_vectors_", "_n_support"])
def test_support_vectors_that_do_not_fit_are_refused(rows: NDArray[np.float32], kind: Any, name: str) -> None:
    machine = kind().fit(rows, np.digitize(rows[:, 0], [-0.5, 0.5]))
    check_tables(machine)
    table = getattr(machine, name)
    setattr(machine, name, table[..., :-1] if name == "_dual_coef_" else table[:-1])
    with pytest.raises(ModelError, match=f"{kind.__name__} in the file is damaged"):
        check_tables(machine)


def test_a_damaged_file_is_refused_when_it_is_loaded(rows: NDArray[np.float32], power: NDArray[np.float64]) -> None:
    estimator = DecisionTreeRegressor(max_depth=2).fit(rows, power)
    damage(estimator.tree_, "left_child", 0, 0)
    with pytest.raises(ModelError, match="damaged"):
        load_skops(skops.io.dumps(estimator), Path("model.skops"))


def test_a_file_that_unpacks_to_more_than_memory_is_refused() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("schema.json", json.dumps({}))
    data = bytearray(out.getvalue())
    entry = data.rindex(b"PK\x01\x02")
    data[entry + 24 : entry + 28] = (2**32 - 2).to_bytes(4, "little")
    with pytest.raises(ModelError, match="unpacks to 4294967294 bytes, limit"):
        load_skops(bytes(data), Path("model.skops"))


class Bomb:
    """Writes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return (Path.touch, (self.path,))


def test_a_pickle_inside_a_skops_file_is_not_loaded(tmp_path: Path, linear: Any) -> None:
    pickled = io.BytesIO()
    np.save(pickled, np.array([Bomb(tmp_path / "harm")]), allow_pickle=True)
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(skops.io.dumps(linear))) as right, zipfile.ZipFile(out, "w") as hidden:
        for name in right.namelist():
            hidden.writestr(name, pickled.getvalue() if name.endswith(".npy") else right.read(name))
    with pytest.raises(ModelError, match="allow_pickle=False"):
        load_skops(out.getvalue(), Path("model.skops"))
    assert not (tmp_path / "harm").exists()
