"""Trees as ONNX take the branch that the model takes, in every row."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingRegressor,
    IsolationForest,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from compiler import compile_model
from compiler.backends.tree_onnx import convert_trees
from compiler.errors import UnsupportedModelError
from compiler.ir.lowering import lower_estimator

ROWS = np.random.default_rng(2).normal(size=(200, 3)).astype(np.float32)
MODELS = {
    "scaled forest": make_pipeline(StandardScaler(), RandomForestClassifier(4, random_state=0)),
    "scaled histogram boosting": make_pipeline(StandardScaler(), HistGradientBoostingRegressor(max_iter=3)),
    "boosting": GradientBoostingClassifier(n_estimators=3, random_state=0),
    "isolation forest": IsolationForest(n_estimators=5, random_state=0),
}


def _fitted(model: Any) -> Any:
    return model.fit(ROWS.astype(float), (ROWS[:, 0] > 0).astype(int))


@pytest.mark.parametrize("name", MODELS)
def test_no_row_at_the_edges_is_wrong(name: str) -> None:
    (onnx,) = compile_model(_fitted(MODELS[name]), ROWS, name="pump", version="1", kind="onnx").parity
    assert onnx.edge_rows > 30
    assert onnx.wrong_edge_rows == 0


def test_several_values() -> None:
    target: NDArray[np.float32] = ROWS[:, :2]
    model = RandomForestRegressor(3, random_state=0).fit(ROWS, target)
    plan, onnx = compile_model(model, ROWS, name="pump", version="1", kind="both").parity
    assert (plan.max_difference, plan.wrong_edge_rows, onnx.wrong_edge_rows) == (0.0, 0, 0)


def test_trees_over_computed_numbers_are_left_to_others() -> None:
    model = _fitted(make_pipeline(PCA(2), RandomForestClassifier(2, random_state=0)))
    with pytest.raises(UnsupportedModelError, match="trees that look at the row itself"):
        convert_trees(lower_estimator(model), 2)
