"""Plans of fitted estimators, held against what the estimators answer."""

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import is_classifier
from threadpoolctl import threadpool_limits

from compiler.backends.plan import emit
from compiler.frontends.sklearn import SklearnModel
from compiler.ir.lowering import lower_estimator
from compiler.ir.nodes import Graph, Row
from compiler.ir.registry import lower
from device_contract.plan.scorer import PlanScorer

N_FEATURES = 4
ROUNDING = 1e-9
"""Sums in another order than BLAS and libsvm, exp() of another library; relative to the largest score."""
FLOAT32_ROUNDING = 2e-6
"""The same of networks, whose sums are float32."""


@cache
def rows_and_classes(n_classes: int = 3) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return 90 training rows, float32, in clusters of unlike width that overlap, and their classes."""
    rng = np.random.default_rng(n_classes)
    classes = rng.integers(n_classes, size=90)
    centers = rng.normal(scale=2.0, size=(n_classes, N_FEATURES))
    rows = centers[classes] + rng.normal(size=(90, N_FEATURES)) * (1.0 + 0.3 * classes[:, None])
    return rows.astype(np.float32), classes


@cache
def rows_and_values() -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Return 90 training rows and a value for each."""
    rows, _ = rows_and_classes()
    noise = np.random.default_rng(1).normal(size=len(rows))
    return rows, np.sin(rows[:, 0]) + rows @ np.linspace(-1, 1, N_FEATURES) + 0.1 * noise


def trial_rows() -> NDArray[np.float32]:
    """Return rows: some of training, others between them, far away, beyond any, zero, and denormal."""
    rows, _ = rows_and_classes()
    rng = np.random.default_rng(2)
    between = rows[:20] + rng.normal(scale=0.3, size=(20, N_FEATURES))
    far = rng.normal(scale=30.0, size=(10, N_FEATURES))
    denormal = np.full((1, N_FEATURES), 1e-42)
    return np.concatenate([rows[:20], between, far, np.zeros((1, N_FEATURES)), denormal]).astype(np.float32)


def plan_scores(graph: Graph, rows: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return a plan's scores of a batch, which are those of its rows to the last bit."""
    scorer = PlanScorer(emit(graph))
    scores = np.empty((len(rows), scorer.n_outputs))
    scorer.score_batch(np.ascontiguousarray(rows), len(rows), scores)
    alone = np.array([np.atleast_1d(scorer.score(row)) for row in rows])
    np.testing.assert_array_equal(alone, scores)
    return scores


def assert_agrees(model: Any, rows: NDArray[np.float32], tolerance: float = ROUNDING) -> None:
    """Hold a model's plan to its scores, and to its labels wherever they are no tie."""
    truth = SklearnModel(model).score(rows)
    scores = plan_scores(lower_estimator(model), rows)
    allowed = tolerance * max(1.0, float(np.abs(truth).max()))
    np.testing.assert_allclose(scores, truth, rtol=0, atol=allowed)
    if is_classifier(model):
        lead = truth.max(axis=1) - truth[np.arange(len(truth)), scores.argmax(axis=1)]
        assert (lead <= 2 * allowed).all()


def assert_method_agrees(model: Any, method: str, rows: NDArray[np.float32], tolerance: float = ROUNDING) -> None:
    """Hold the plan of one method to what the method answers."""
    row = Row(N_FEATURES)
    with threadpool_limits(1):
        truth = np.asarray(getattr(model, method)(rows.astype(np.float64)), np.float64).reshape(len(rows), -1)
    scores = plan_scores(Graph(row, lower(model, method, row)), rows)
    np.testing.assert_allclose(scores, truth, rtol=0, atol=tolerance * max(1.0, float(np.abs(truth).max())))


def assert_refuses_missing_values(model: Any) -> None:
    """A row with NaN in any feature has NaN in every score; the next row is not touched by it."""
    rows = np.ones((N_FEATURES + 1, N_FEATURES), np.float32)
    np.fill_diagonal(rows, np.nan)
    scores = plan_scores(lower_estimator(model), rows)
    assert np.isnan(scores[:-1]).all()
    assert np.isfinite(scores[-1]).all()
