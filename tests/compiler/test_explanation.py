"""Contributions: they add up to the raw score, and each is due to its feature."""

import json
from array import array
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.ensemble import GradientBoostingRegressor

from compiler.backends.plan import emit
from compiler.errors import UnsupportedModelError
from compiler.explanation import explain_row
from compiler.ir.lowering import lower_estimator
from compiler.pipeline import CompiledBundle, compile_model
from device_contract.bundle import open_file
from device_contract.errors import PlanError, RowError
from device_contract.plan.scorer import PlanScorer

Command = Callable[..., tuple[int, str, str]]


def contributions(model: Any, reference: NDArray[np.float32], row: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return a line for each feature, and the expected scores."""
    scorer = PlanScorer(emit(lower_estimator(model), reference))
    out = np.empty((scorer.n_features + 1, scorer.n_explained))
    scorer.explain_into(row, out)
    return out


def test_a_linear_model_is_taken_apart_exactly(linear: Any, rows: NDArray[np.float32]) -> None:
    slopes = linear[-1].coef_ / linear[0].scale_
    for row in rows[:20]:
        lines = contributions(linear, rows, row)
        np.testing.assert_allclose(
            lines[:-1, 0], slopes * (row - rows.mean(axis=0, dtype=float)), rtol=1e-12, atol=1e-12
        )
        np.testing.assert_allclose(lines.sum(), linear.predict(row[None].astype(float))[0], rtol=1e-12)
    mean = rows.mean(axis=0, dtype=float)
    np.testing.assert_allclose(lines[-1, 0], linear.predict(mean[None])[0], rtol=1e-12)


def test_the_contributions_of_trees_add_up_to_the_score(forest: Any, rows: NDArray[np.float32]) -> None:
    for row in rows[:20]:
        lines = contributions(forest, rows, row)
        assert lines.shape == (5, 3)
        np.testing.assert_allclose(lines.sum(axis=0), forest.predict_proba(row[None].astype(float))[0], atol=3e-5)
    # The forest knows the shares of its own bootstrap samples, the plan those of the reference.
    np.testing.assert_allclose(lines[-1], forest.predict_proba(rows.astype(float)).mean(axis=0), atol=1e-6)


def test_a_path_is_taken_apart_node_by_node() -> None:
    """One stump on each of two features: each gets its own step, the third gets nothing."""
    rng = np.random.default_rng(0)
    rows = rng.integers(0, 2, size=(400, 3)).astype(np.float32)
    target = 3.0 * rows[:, 0] + 1.0 * rows[:, 2]
    model = GradientBoostingRegressor(n_estimators=20, max_depth=1, learning_rate=0.5).fit(rows, target)
    lines = contributions(model, rows, np.array([1, 1, 0], np.float32))[:-1, 0]
    shares = rows.mean(axis=0, dtype=float)
    assert lines[0] == pytest.approx(3.0 * (1 - shares[0]), abs=0.05)
    assert lines[1] == pytest.approx(0.0, abs=0.05)
    assert lines[2] == pytest.approx(-1.0 * shares[2], abs=0.05)


def test_missing_values_take_their_own_path(forest: Any, linear: Any, rows: NDArray[np.float32]) -> None:
    row = rows[0].copy()
    row[1] = np.nan
    lines = contributions(forest, rows, row)
    np.testing.assert_allclose(lines.sum(axis=0), forest.predict_proba(row[None].astype(float))[0], atol=3e-5)
    assert np.isnan(contributions(linear, rows, row)).all()


def test_wide_rows_share_their_sums() -> None:
    rng = np.random.default_rng(1)
    rows = rng.normal(size=(300, 400)).astype(np.float32)
    model = GradientBoostingRegressor(n_estimators=11, max_depth=3).fit(rows, rows[:, 7] - rows[:, 300])
    for row in rows[:5]:
        lines = contributions(model, rows, row)
        assert lines.sum() == pytest.approx(model.predict(row[None])[0], rel=1e-6, abs=1e-6)


def test_refuses_what_does_not_fit(linear: Any, rows: NDArray[np.float32]) -> None:
    scorer = PlanScorer(emit(lower_estimator(linear), rows))
    with pytest.raises(RowError, match="out has 4 values, not 5 lines of 1"):
        scorer.explain_into(rows[0], array("d", bytes(32)))
    with pytest.raises(RowError, match="row has 3 values"):
        scorer.explain_into(rows[0, :3].copy(), array("d", bytes(40)))
    without = PlanScorer(emit(lower_estimator(linear)))
    assert without.n_explained == 0
    with pytest.raises(PlanError, match="--explain"):
        without.explain_into(rows[0], array("d", bytes(40)))


def compiled(model: Any, rows: NDArray[np.float32], **options: Any) -> CompiledBundle:
    return compile_model(model, rows, name="pump", version="1", kind="plan", **options)


def test_the_command_explains_a_row(logistic: Any, rows: NDArray[np.float32], tmp_path: Path, command: Command) -> None:
    bundle = compiled(logistic, rows, explain=True).write(tmp_path)
    told = json.loads(command("explain", bundle, "--row", "1,-1,0.5,2", "--json")[1])
    margins = logistic.decision_function([[1, -1, 0.5, 2]])[0]
    np.testing.assert_allclose(told["raw"], margins, rtol=1e-9)
    assert "(raw score)" in command("explain", bundle, "--row", "1,-1,0.5,2")[1]


def test_the_command_refuses_rubbish(linear: Any, rows: NDArray[np.float32], tmp_path: Path, command: Command) -> None:
    bundle = compiled(linear, rows, explain=True).write(tmp_path)
    for row, told in {"1,2": "has 2 numbers", "1,x,2,3": "commas"}.items():
        exit_code, _, errors = command("explain", bundle, "--row", row)
        assert exit_code == 4
        assert told in errors


def test_says_how_to_make_a_bundle_that_explains(linear: Any, rows: NDArray[np.float32], tmp_path: Path) -> None:
    bundle = open_file(compiled(linear, rows).write(tmp_path))
    with pytest.raises(UnsupportedModelError, match="--explain"):
        explain_row(bundle, "1,2,3,4")
