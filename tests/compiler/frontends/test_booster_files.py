"""The files of boosters: what was saved is read again, and what is damaged is told in one line."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xgboost
from hypothesis import given, settings
from hypothesis import strategies as st

from compiler.errors import ModelError
from compiler.frontends import catboost_json, lightgbm_text, ubjson, xgboost_json
from compiler.frontends.model_file import read_model
from tests.compiler.frontends.booster_models import (
    MISSING,
    lightgbm_model,
    lightgbm_over_categories,
    xgboost_model,
    xgboost_over_categories,
)


@pytest.mark.slow
def test_lightgbm_reads_its_text(tmp_path: Path) -> None:
    booster = lightgbm_model("regression").booster_
    booster.save_model(tmp_path / "pump.txt")
    source = read_model(tmp_path / "pump.txt")
    assert np.array_equal(source.score(MISSING)[:, 0], booster.predict(MISSING))
    assert source.parameters == {"model_type": "lightgbm.Booster", "objective": "regression", "trees": "4"}
    assert source.signature.feature_names == ()


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".json", ".ubj"])
def test_xgboost_reads_both_its_forms(tmp_path: Path, suffix: str) -> None:
    path, model = tmp_path / f"pump{suffix}", xgboost_model("binary")
    model.save_model(path)
    source = read_model(path)
    assert np.array_equal(source.score(MISSING)[:, 1], model.predict_proba(MISSING)[:, 1])
    assert source.signature.labels == (0, 1)


def test_both_forms_of_a_document_say_the_same() -> None:
    booster = xgboost_over_categories(1).get_booster()
    first, second = (xgboost_json.read_document(bytes(booster.save_raw(form))) for form in ("json", "ubj"))
    for one, other in zip(first.trees, second.trees, strict=True):
        assert np.array_equal(one.threshold, other.threshold)
        assert np.array_equal(one.values, other.values)
        assert one.categories.keys() == other.categories.keys()


def _text() -> str:
    text: str = lightgbm_over_categories().booster_.model_to_string()
    return text


LIGHTGBM_FAULTS: dict[str, Callable[[str], str]] = {
    "another file": lambda _: "pump,valve\n1,2\n",
    "empty": lambda _: "",
    "no trees": lambda text: text.split("\nTree=0")[0],
    "a child that is not there": lambda text: re.sub(r"left_child=\S+", "left_child=77", text, count=1),
    "a child that is its own parent": lambda text: re.sub(r"left_child=\S+", "left_child=0", text, count=1),
    "a feature that is not there": lambda text: re.sub(r"split_feature=\S+", "split_feature=9", text, count=1),
    "a set that is not there": lambda text: re.sub(r"cat_boundaries=.*", "cat_boundaries=0 1", text, count=1),
    "too few leaves": lambda text: re.sub(r"leaf_value=\S+ ", "leaf_value=", text, count=1),
    "no number": lambda text: text.replace("threshold=", "threshold=x", 1),
    "no features": lambda text: text.replace("max_feature_idx=4", "max_feature_idx=-1"),
    "a broken round": lambda text: text.replace("num_tree_per_iteration=1", "num_tree_per_iteration=3"),
    "linear leaves": lambda text: text.replace("is_linear=0", "is_linear=1", 1),
}


@pytest.mark.parametrize("fault", LIGHTGBM_FAULTS)
def test_a_damaged_text_is_refused(fault: str) -> None:
    with pytest.raises(ModelError, match="LightGBM") as refusal:
        lightgbm_text.read_text(LIGHTGBM_FAULTS[fault](_text()))
    assert "\n" not in str(refusal.value)


def _first_tree(document: Any) -> Any:
    return document["learner"]["gradient_booster"]["model"]["trees"][0]


XGBOOST_FAULTS: dict[str, Callable[[Any], Any]] = {
    "another file": lambda document: document.clear(),
    "a child that is not there": lambda document: _first_tree(document)["left_children"].__setitem__(0, 999),
    "a child below -1": lambda document: _first_tree(document)["right_children"].__setitem__(0, -5),
    "a child of two parents": lambda document: _first_tree(document)["left_children"].__setitem__(1, 2),
    "a feature that is not there": lambda document: _first_tree(document)["split_indices"].__setitem__(0, 99),
    "too few thresholds": lambda document: _first_tree(document)["split_conditions"].pop(),
    "a category below 0": lambda document: _first_tree(document)["categories"].__setitem__(0, -1),
    "a set that is not there": lambda document: _first_tree(document)["categories_nodes"].clear(),
    "no trees": lambda document: document["learner"]["gradient_booster"]["model"]["trees"].clear(),
    "too few groups": lambda document: document["learner"]["gradient_booster"]["model"]["tree_info"].pop(),
    "a group that is not there": lambda document: document["learner"]["gradient_booster"]["model"][
        "tree_info"
    ].__setitem__(0, 7),
    "no base score": lambda document: document["learner"]["learner_model_param"].__setitem__("base_score", "[NaN]"),
}


@pytest.mark.parametrize("fault", XGBOOST_FAULTS)
def test_a_damaged_document_is_refused(fault: str) -> None:
    document = json.loads(bytes(xgboost_over_categories(1).get_booster().save_raw("json")))
    XGBOOST_FAULTS[fault](document)
    with pytest.raises(ModelError, match="XGBoost") as refusal:
        xgboost_json.read_document(json.dumps(document).encode())
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("booster", ["gbtree", "dart", "gblinear"])
def test_a_booster_that_was_not_trained_is_told_so(booster: str) -> None:
    data = xgboost.DMatrix(np.zeros((4, 2)), np.zeros(4))
    untrained = xgboost.train({"booster": booster, "base_score": 0.5}, data, num_boost_round=0)
    with pytest.raises(ModelError, match="the XGBoost model has not been trained: it has no"):
        xgboost_json.read_document(bytes(untrained.save_raw("json")))


@settings(max_examples=60)
@given(st.data())
def test_a_damaged_ubjson_is_read_or_refused(data: st.DataObject) -> None:
    whole = bytearray(xgboost_over_categories(1).get_booster().save_raw("ubj"))
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(whole)))
    try:
        xgboost_json.read_document(bytes(whole[: cut if cut % 2 else len(whole)]))
    except ModelError:
        return


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b"{U\x01aT}", {"a": True}),
        (b"[i\xffNU\xffZF]", [-1, 255, None, False]),
        (b"[#U\x02i\x01i\x02", [1, 2]),
        (b"[$d#U\x01\x3f\x80\x00\x00", [1.0]),
        (b"SU\x02ab", "ab"),
    ],
)
def test_ubjson(data: bytes, value: Any) -> None:
    decoded = ubjson.decode(data)
    assert (decoded.tolist() if isinstance(decoded, np.ndarray) else decoded) == value


@pytest.mark.parametrize(
    "data",
    [b"", b"[", b"{U\x05a", b"x", b"[$S#U\x01", b"[#L" + b"\x7f" * 8, b"[$d#L" + b"\x7f" * 8, b"[" * 100, b"SSU"],
)
def test_malformed_ubjson_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="UBJSON"):
        ubjson.decode(data)


SYMMETRIC: dict[str, Any] = {
    "features_info": {
        "float_features": [
            {"feature_id": "flow", "nan_value_treatment": "AsFalse"},
            {"feature_id": "speed", "nan_value_treatment": "AsTrue"},
        ]
    },
    "model_info": {"params": {"loss_function": {"type": "RMSE"}}},
    "oblivious_trees": [
        {
            "leaf_values": [1.0, 2.0, 3.0, 4.0],
            "splits": [
                {"split_type": "FloatFeature", "float_feature_index": 0, "border": 0.5},
                {"split_type": "FloatFeature", "float_feature_index": 1, "border": -1.5},
            ],
        }
    ],
    "scale_and_bias": [1, [0.25]],
}


def test_the_first_question_of_a_symmetric_tree_is_the_lowest_bit() -> None:
    document = catboost_json.read_document(json.dumps(SYMMETRIC).encode())
    (tree,) = document.trees
    assert document.feature_names == ("flow", "speed")
    assert document.missing_left.tolist() == [True, False]
    assert tree.feature.tolist()[:3] == [0, 1, 1]
    # Left and left, left and right, right and left, right and right.
    assert tree.values[3:, 0].tolist() == [1.0, 3.0, 2.0, 4.0]


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("features_info", {"float_features": []}),
        ("features_info", {"float_features": [{}], "categorical_features": [{}]}),
        ("oblivious_trees", []),
        ("oblivious_trees", [{"leaf_values": [1.0], "splits": SYMMETRIC["oblivious_trees"][0]["splits"]}]),
        ("oblivious_trees", [{"leaf_values": [1.0, 2.0], "splits": [{"split_type": "OnlineCtr"}]}]),
        ("scale_and_bias", 7),
    ],
)
def test_a_damaged_catboost_document_is_refused(part: str, value: Any) -> None:
    with pytest.raises(ModelError, match="CatBoost"):
        catboost_json.read_document(json.dumps({**SYMMETRIC, part: value}).encode())


@pytest.mark.parametrize("name", ["pump.txt", "pump.json", "pump.ubj"])
def test_a_file_of_something_else_is_one_clear_line(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(b"\x00\xff not a model")
    with pytest.raises(ModelError) as refusal:
        read_model(path)
    assert str(refusal.value).startswith(f"{path}: ")
    assert "\n" not in str(refusal.value)


@pytest.mark.slow
def test_a_file_that_brings_its_library_down_is_told(tmp_path: Path) -> None:
    path = tmp_path / "pump.txt"
    path.write_text(re.sub(r"tree_sizes=\d+", "tree_sizes=99999999", _text()))
    with pytest.raises(ModelError, match="brings down the process that loads it"):
        read_model(path)


@pytest.mark.slow
def test_a_library_that_is_not_installed_is_named(tmp_path: Path) -> None:
    path = tmp_path / "pump.cbm"
    path.write_bytes(b"CBM1")
    with pytest.raises(ModelError, match="install catboost, which the model was trained with"):
        read_model(path)
