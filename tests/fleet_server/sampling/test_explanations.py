"""Exact explanations of compiled models: against all coalitions, through links, and refused with a reason."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from lightgbm import LGBMRegressor
from numpy.typing import NDArray
from sklearn.ensemble import GradientBoostingClassifier, HistGradientBoostingRegressor, RandomForestRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from compiler import compile_model
from device_contract.bundle import Bundle, read
from device_contract.plan.scorer import PlanScorer
from device_contract.samples import SampledRow
from device_contract.selftest import decode_self_test
from fleet_server.errors import InvalidRequestError
from fleet_server.sampling.explanations import ExplainedRow, explain_row
from fleet_server.sampling.shapley import by_enumeration

FEATURES = 5
RANDOM = np.random.default_rng(7)
SAMPLE = RANDOM.normal(size=(300, FEATURES)).astype(np.float32)
TARGET = SAMPLE[:, 0] * 2 + SAMPLE[:, 1] * SAMPLE[:, 2] + 0.1 * RANDOM.normal(size=300)
WITH_MISSING = np.where(RANDOM.random(SAMPLE.shape) < 0.2, np.nan, SAMPLE).astype(np.float32)

PLAIN: dict[str, tuple[Any, NDArray[np.float32], str]] = {
    "forest": (RandomForestRegressor(7, max_depth=4, random_state=0), SAMPLE, "trees"),
    "histogram boosting with missing values": (HistGradientBoostingRegressor(max_iter=8), WITH_MISSING, "trees"),
    "LightGBM": (LGBMRegressor(n_estimators=8, verbose=-1, n_jobs=1), WITH_MISSING, "trees"),
    "linear behind a scaler": (make_pipeline(StandardScaler(), LinearRegression()), SAMPLE, "matrix"),
    "neighbours": (KNeighborsRegressor(3), SAMPLE, "enumeration"),
}
LINKED: dict[str, tuple[Any, str]] = {
    "boosting of three classes": (GradientBoostingClassifier(n_estimators=5), "trees"),
    "logistic of two classes": (LogisticRegression(), "matrix"),
}


def bundle_of(model: Any, sample: NDArray[np.float32], target: NDArray[Any]) -> Bundle:
    return read(compile_model(model.fit(sample, target), sample, name="m", version="1", kind="plan").data)


def scorer_of(bundle: Bundle) -> Callable[[NDArray[np.float32]], NDArray[np.float64]]:
    artifact = bundle.manifest.artifact("plan")
    assert artifact is not None
    scorer = PlanScorer(bundle.files[artifact.file.path])

    def score(rows: NDArray[np.float32]) -> NDArray[np.float64]:
        scores = np.empty((len(rows), scorer.n_outputs))
        scorer.score_batch(np.ascontiguousarray(rows), len(rows), scores)
        return scores

    return score


def explain(bundle: Bundle, row: NDArray[np.float32]) -> ExplainedRow:
    outputs = scorer_of(bundle)(row[None])[0]
    return explain_row(bundle, SampledRow(row=1, time_ms=1, values=row.tobytes(), outputs=outputs.tobytes()))


def background_of(found: ExplainedRow, bundle: Bundle) -> NDArray[np.float32]:
    vectors = decode_self_test(bundle.files[bundle.manifest.self_test.file.path])
    assert found.explanation.background_rows == vectors.n_rows
    return np.frombuffer(vectors.inputs, "<f4").reshape(vectors.n_rows, vectors.n_features)


@pytest.mark.slow
@pytest.mark.parametrize("name", PLAIN)
def test_contributions_are_those_of_all_coalitions(name: str) -> None:
    model, sample, method = PLAIN[name]
    bundle = bundle_of(model, sample, TARGET)
    row = sample[11]
    found = explain(bundle, row)
    assert (found.method, found.of_outputs) == (method, True)
    expected = by_enumeration(scorer_of(bundle), row, background_of(found, bundle))
    np.testing.assert_allclose(found.explanation.contributions, expected.contributions, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(found.explanation.expected, expected.expected, rtol=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("name", LINKED)
def test_raw_scores_are_what_the_link_makes_the_outputs_of(name: str) -> None:
    model, method = LINKED[name]
    classes = np.digitize(TARGET, [0.0] if "two" in name else [-1.0, 1.0])
    bundle = bundle_of(model, SAMPLE, classes)
    found = explain(bundle, SAMPLE[3])
    assert (found.method, found.of_outputs) == (method, False)
    raw = found.explanation.expected + found.explanation.contributions.sum(axis=0)
    odds = np.exp(raw) if len(raw) > 1 else np.array([1.0, np.exp(raw[0])])
    np.testing.assert_allclose(odds / odds.sum(), scorer_of(bundle)(SAMPLE[3:4])[0], rtol=1e-9)


@pytest.mark.slow
def test_what_cannot_be_explained_is_refused_with_its_reason() -> None:
    wide = RANDOM.normal(size=(60, 17)).astype(np.float32)
    bundle = bundle_of(KNeighborsRegressor(3), wide, wide[:, 0])
    with pytest.raises(InvalidRequestError, match="17 features"):
        explain(bundle, wide[0])
    row = wide[0].copy()
    row[2] = np.nan
    with pytest.raises(InvalidRequestError, match="redacted"):
        explain(bundle, row)
    model = LinearRegression().fit(wide, wide[:, 0])
    onnx = read(compile_model(model, wide, name="m", version="1", kind="onnx").data)
    with pytest.raises(InvalidRequestError, match="no plan"):
        explain_row(onnx, SampledRow(row=1, time_ms=1, values=wide[0].tobytes(), outputs=bytes(8)))
