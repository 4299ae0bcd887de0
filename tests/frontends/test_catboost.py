"""CatBoost's models: their plans and their ONNX give what CatBoost gives, at each border and beside it."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from catboost import CatBoostClassifier, CatBoostRegressor
from numpy.typing import NDArray

from compiler import compile_model
from compiler.errors import ModelError
from compiler.frontends.model_file import read_model
from compiler.frontends.model_object import source_of

_rng = np.random.default_rng(6)
ROWS: NDArray[np.float32] = _rng.normal(size=(200, 4)).astype(np.float32)
MISSING = np.where(_rng.random(ROWS.shape) < 0.1, np.float32(np.nan), ROWS)
VALUE = np.abs(ROWS[:, 0] + ROWS[:, 1] * ROWS[:, 2])
THREE = np.array(["low", "middle", "high"])[(VALUE > 0.5).astype(int) + (VALUE > 1.2)]
_OPTIONS = {"iterations": 4, "depth": 3, "thread_count": 1, "verbose": 0, "allow_writing_files": False}


def _value(**options: Any) -> Any:
    return CatBoostRegressor(**_OPTIONS, **options)


def _class(**options: Any) -> Any:
    return CatBoostClassifier(**_OPTIONS, **options)


CASES: dict[str, tuple[Any, Any]] = {
    "symmetric": (_value(), VALUE),
    "depth by depth": (_value(grow_policy="Depthwise"), VALUE),
    "leaf by leaf": (_value(grow_policy="Lossguide"), VALUE),
    "missing values are greatest": (_value(nan_mode="Max"), VALUE),
    "counts": (_value(loss_function="Poisson"), VALUE),
    "quantile": (_value(loss_function="Quantile:alpha=0.3"), VALUE),
    "two values": (_value(loss_function="MultiRMSE"), np.stack([VALUE, 2 * VALUE + 1], axis=1)),
    "binary": (_class(), VALUE > 0.5),
    "three classes, texts": (_class(), THREE),
    "three classes, leaf by leaf": (_class(grow_policy="Lossguide"), THREE),
    "one against the rest": (_class(loss_function="MultiClassOneVsAll"), THREE),
}


@pytest.mark.parametrize("name", CASES)
def test_parity(name: str) -> None:
    model, target = CASES[name]
    plan, onnx = compile_model(model.fit(MISSING, target), MISSING, name="pump", version="1", kind="both").parity
    assert plan.max_difference < 1e-14
    assert plan.edge_rows > 30
    assert onnx.wrong_edge_rows == 0


@pytest.mark.parametrize("kind", ["cbm", "json"])
def test_files(tmp_path: Path, kind: str) -> None:
    model = _class().fit(MISSING, THREE)
    path = tmp_path / f"pump.{kind}"
    model.save_model(str(path), format=kind)
    source = read_model(path)
    assert source.signature.labels == tuple(model.classes_)
    assert np.allclose(source.score(MISSING), model.predict_proba(MISSING), rtol=0, atol=1e-12)


def test_categories_are_told() -> None:
    rows = [[str(int(value)), float(value)] for value in range(20)]
    model = _value(cat_features=[0]).fit(rows, list(range(20)))
    with pytest.raises(ModelError, match="takes categories, which it hashes as texts"):
        source_of(model)


def test_an_untrained_model_is_told() -> None:
    with pytest.raises(ModelError, match="CatBoostRegressor is not trained"):
        source_of(_value())


def test_a_classifier_of_one_class_is_told() -> None:
    with pytest.raises(ModelError, match="fitted on one class, 0: it has nothing to tell apart"):
        source_of(_class(allow_const_label=True).fit(ROWS, np.zeros(len(ROWS), int)))


def test_a_model_without_trees_is_told() -> None:
    model = _value().fit(ROWS, VALUE)
    model.shrink(0)
    with pytest.raises(ModelError, match="the CatBoost model has no trees"):
        source_of(model)


def test_a_damaged_file_is_one_clear_line(tmp_path: Path) -> None:
    path = tmp_path / "pump.cbm"
    path.write_bytes(b"CBM1" + bytes(100))
    with pytest.raises(ModelError) as refusal:
        read_model(path)
    assert "\n" not in str(refusal.value)
