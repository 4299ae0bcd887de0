"""Models that were fitted on columns of text: positions in artifacts, texts in the truth."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import KFold
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler, TargetEncoder

from compiler.columns import Column
from compiler.errors import ModelError, SampleError
from compiler.frontends.sklearn import SklearnModel
from compiler.pipeline import compile_model
from compiler.sample import arrange
from compiler.schema import FeatureSchema, Schema
from tests.compiler.ir.estimator_plans import plan_scores

RNG = np.random.default_rng(0)
N_ROWS = 200
MODES = np.array(["off", "idle", "running"], object)[RNG.integers(3, size=N_ROWS)]
VALVES = np.where(RNG.random(N_ROWS) < 0.2, np.nan, np.array(["open", "shut"], object)[RNG.integers(2, size=N_ROWS)])
TEMPERATURE = np.round(RNG.normal(20, 5, N_ROWS), 2)
ROWS = np.stack([TEMPERATURE.astype(object), MODES, VALVES.astype(object)], axis=1)
FAILS = (MODES == "running") & (TEMPERATURE > 21)
POSITIONS = np.array(
    [
        [t, mode, valve]
        for t in (15.5, 25.0, np.float32(21.3))
        for mode in (0, 1, 2, 3, -1, 0.5)
        for valve in (0, 1, 2, np.nan)
    ],
    np.float32,
)
FILLED = make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore"))
NAMED = SimpleImputer(strategy="constant", fill_value="none")

TRANSFORMERS: dict[str, Any] = {
    "one-hot": OneHotEncoder(handle_unknown="ignore"),
    "rare together": OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=65),
    "codes": OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=-2),
    "means": TargetEncoder(cv=KFold(3)),
    "filled": FILLED,
    "missing by name": make_pipeline(NAMED, OneHotEncoder(handle_unknown="ignore")),
    "side by side": FeatureUnion([("a", OneHotEncoder(handle_unknown="ignore")), ("b", FILLED)]),
}


def fitted(transformer: Any) -> Any:
    columns = ColumnTransformer([("text", transformer, [1, 2])], remainder=StandardScaler())
    return make_pipeline(columns, LogisticRegression()).fit(ROWS, FAILS)


@pytest.mark.parametrize("name", TRANSFORMERS)
def test_a_plan_of_positions_gives_what_the_model_gives_for_texts(name: str) -> None:
    source = SklearnModel(fitted(TRANSFORMERS[name]))
    assert source.signature.categories[1][:3] == ("idle", "off", "running")
    truth = source.score(POSITIONS)
    np.testing.assert_allclose(plan_scores(source.to_graph(), POSITIONS), truth, rtol=0, atol=1e-12)
    by_text = source._estimator.predict_proba(np.array([[15.5, "off", "shut"]], object))
    shut = source.signature.categories[2].index("shut")
    np.testing.assert_array_equal(source.score(np.array([[15.5, 1, shut]], np.float32)), by_text)


def test_encoders_alone_take_texts_too() -> None:
    source = SklearnModel(OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=7).fit(ROWS[:, 1:]))
    rows = POSITIONS[:, 1:].copy()
    np.testing.assert_array_equal(plan_scores(source.to_graph(), rows), source.score(rows))


def test_encoders_of_one_feature_must_agree() -> None:
    other = OneHotEncoder(categories=[["running", "off", "idle"], ["shut", "open", np.nan]], handle_unknown="ignore")
    union = FeatureUnion([("a", OneHotEncoder(handle_unknown="ignore")), ("b", other)])
    with pytest.raises(ModelError, match="two encoders of feature 1 were fitted on different texts"):
        SklearnModel(fitted(union))


def columns(valves: NDArray[Any] = VALVES) -> tuple[Column, ...]:
    nothing = np.empty(0)
    texts = tuple(None if isinstance(each, float) else str(each) for each in valves.tolist())
    return (
        Column("temperature", TEMPERATURE),
        Column("mode", nothing, text=tuple(MODES.tolist()), kind="text"),
        Column("valve", nothing, text=texts, kind="text"),
    )


def test_texts_of_a_sample_become_positions_in_the_model_s_order() -> None:
    signature = SklearnModel(fitted(TRANSFORMERS["one-hot"])).signature
    sample = arrange(columns(), "0" * 64, signature, Schema())
    assert [feature.categories for feature in sample.features] == [(), ("idle", "off", "running"), ("open", "shut")]
    assert [sample.features[1].categories[int(position)] for position in sample.rows[:, 1]] == MODES.tolist()
    assert np.isnan(sample.rows[:, 2]).sum() == sum(isinstance(each, float) for each in VALVES.tolist())


def test_a_schema_adds_texts_that_the_model_does_not_know() -> None:
    signature = SklearnModel(fitted(TRANSFORMERS["one-hot"])).signature
    stuck = np.where(np.arange(N_ROWS) == 3, "stuck", VALVES)
    with pytest.raises(SampleError, match="column 'valve' holds 'stuck', not among its categories"):
        arrange(columns(stuck), "0" * 64, signature, Schema())
    schema = Schema(feature=(FeatureSchema(name="valve", categories=("stuck", "shut")),))
    sample = arrange(columns(stuck), "0" * 64, signature, schema)
    assert sample.features[2].categories == ("open", "shut", "stuck")
    assert sample.rows[3, 2] == 2


def test_numbers_where_the_model_takes_text_are_refused() -> None:
    signature = SklearnModel(fitted(TRANSFORMERS["one-hot"])).signature
    numbers = (Column("a", TEMPERATURE), Column("b", TEMPERATURE), Column("c", TEMPERATURE))
    with pytest.raises(SampleError, match="column 'b' holds numbers, where the model was fitted on text"):
        arrange(numbers, "0" * 64, signature, Schema())


def test_a_bundle_of_a_model_of_texts(tmp_path: Path) -> None:
    lines = ["temperature,mode,valve"]
    for temperature, mode, valve in ROWS.tolist():
        lines.append(f"{temperature},{mode},{'' if isinstance(valve, float) else valve}")
    sample = tmp_path / "sample.csv"
    sample.write_text("\n".join(lines))
    compiled = compile_model(fitted(TRANSFORMERS["filled"]), sample, name="pump", version="1")
    assert "plan" in [artifact.kind for artifact in compiled.manifest.artifacts]
    assert compiled.manifest.features[1].categories == ("idle", "off", "running")
