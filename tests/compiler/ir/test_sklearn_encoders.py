"""Encoders: known, unknown, rare, dropped and missing categories."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, TargetEncoder

from compiler.frontends.sklearn import SklearnModel
from tests.compiler.ir.edge_rows import assert_same
from tests.compiler.ir.estimator_plans import plan_scores

RNG = np.random.default_rng(0)
ROWS = np.stack([RNG.choice(6, 200), RNG.choice(4, 200), RNG.choice([0.1, -2.5, 1e6], 200)], axis=1)
ROWS = ROWS.astype(np.float32).astype(np.float64)
HOLED = np.where(RNG.random(ROWS.shape) < 0.1, np.nan, ROWS)
UNKNOWN = np.array([[9, 1, -2.5], [1, 1.5, 1e6], [-1, -1, 0], [np.nextafter(np.float32(3), np.float32(9)), 0, 0.1]])
CLASSES = np.array(["low", "middle", "high"])[RNG.integers(3, size=200)]

TOLERANT = {
    "ignored": OneHotEncoder(handle_unknown="ignore"),
    "dense": OneHotEncoder(handle_unknown="ignore", sparse_output=False),
    "without the first": OneHotEncoder(handle_unknown="ignore", drop="first"),
    "without one of two": OneHotEncoder(handle_unknown="ignore", drop="if_binary"),
    "rare ones together": OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=36),
    "the commonest": OneHotEncoder(handle_unknown="infrequent_if_exist", max_categories=3, drop="first"),
    "warned of": OneHotEncoder(handle_unknown="warn", min_frequency=36),
    "codes": OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1),
    "codes and NaN": OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan),
    "codes of missing": OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=-2),
    "codes of rare ones": OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, min_frequency=36),
}


@pytest.mark.parametrize("name", TOLERANT)
@pytest.mark.parametrize("training", [ROWS, HOLED], ids=["whole", "holed"])
def test_what_becomes_of_any_category(name: str, training: NDArray[np.float64]) -> None:
    missing = [training] if np.isnan(training).any() else []
    assert_same(TOLERANT[name].fit(training), np.concatenate([ROWS, UNKNOWN, *missing]), tolerance=0)


@pytest.mark.parametrize(
    "target", [CLASSES, CLASSES == "low", ROWS[:, 0] + RNG.normal(size=200)], ids=["3", "2", "value"]
)
@pytest.mark.parametrize("training", [ROWS, HOLED], ids=["whole", "holed"])
def test_means_of_the_target(target: NDArray[Any], training: NDArray[np.float64]) -> None:
    assert_same(
        TargetEncoder(random_state=0).fit(training, target), np.concatenate([ROWS, UNKNOWN, HOLED]), tolerance=0
    )


@pytest.mark.parametrize("encoder", [OneHotEncoder(), OrdinalEncoder()])
def test_a_category_that_the_encoder_refuses_gives_nan(encoder: Any) -> None:
    model = encoder.fit(ROWS)
    assert_same(model, ROWS, tolerance=0)
    assert np.isnan(plan_scores(SklearnModel(model).to_graph(), UNKNOWN.astype(np.float32))).all()


@pytest.mark.parametrize("greatest", [2.0**60, 3e38])
def test_a_category_may_be_huge(greatest: float) -> None:
    rows = ROWS.copy()
    rows[:20, 2] = np.float32(greatest)
    for encoder in (TOLERANT["ignored"], TOLERANT["codes"], TargetEncoder()):
        model = encoder.fit(rows, rows[:, 0])
        assert_same(model, np.concatenate([rows, UNKNOWN]), tolerance=1e-12)
    refused = plan_scores(SklearnModel(OrdinalEncoder().fit(rows)).to_graph(), UNKNOWN.astype(np.float32))
    assert np.isnan(refused).all()
