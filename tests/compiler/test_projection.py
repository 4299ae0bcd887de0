"""The projection of a sample: against numpy, and the same sums as a device makes of the same rows."""

from array import array

import numpy as np
import pytest
from numpy.typing import NDArray

from compiler.baseline import build_baseline
from device_contract.baseline import Baseline, decode_baseline, encode_baseline
from device_contract.manifest import Feature, Output
from device_contract.projection import MAX_COMPONENTS, Projection
from device_contract.sketches import RowSummarizer

MODE = Feature(name="mode", kind="category", categories=("off", "on"))
WALK_ROWS = 800


def features(count: int) -> tuple[Feature, ...]:
    return tuple(Feature(name=f"f{number}") for number in range(count))


def baseline_of(rows: NDArray[np.float32], described: tuple[Feature, ...] = ()) -> Baseline:
    scores = np.zeros((len(rows), 1))
    built = build_baseline(described or features(rows.shape[1]), (Output(name="y"),), rows, scores)
    assert decode_baseline(encode_baseline(built)) == built
    return built


def components(projection: Projection) -> NDArray[np.float32]:
    return np.frombuffer(projection.components, np.float32).reshape(len(projection.eigenvalues), -1)


@pytest.fixture(scope="module")
def mixed() -> NDArray[np.float32]:
    """Six sensors that follow two causes, with some noise."""
    numbers = np.random.default_rng(3)
    causes = numbers.normal(size=(WALK_ROWS, 2))
    noise = numbers.normal(size=(WALK_ROWS, 6))
    return (100.0 + causes @ numbers.normal(size=(2, 6)) + 0.3 * noise).astype(np.float32)


def test_components_are_the_eigenvectors_of_the_correlations(mixed: NDArray[np.float32]) -> None:
    baseline = baseline_of(mixed)
    projection = baseline.projection
    assert projection is not None
    correlations = np.corrcoef(mixed.astype(np.float64).T)
    assert np.frombuffer(baseline.correlations, np.float32) == pytest.approx(
        correlations[np.triu_indices(6, 1)], abs=1e-6
    )
    directions = components(projection).astype(np.float64)
    assert directions @ directions.T == pytest.approx(np.eye(len(directions)), abs=1e-6)
    assert correlations @ directions.T == pytest.approx(directions.T * projection.eigenvalues, abs=1e-5)
    assert list(projection.eigenvalues) == sorted(projection.eigenvalues, reverse=True)
    assert len(projection.eigenvalues) == 2
    assert (directions[np.arange(2), np.abs(directions).argmax(axis=1)] > 0.0).all()


def test_a_device_makes_the_same_t2_q_and_comoments_of_the_same_rows(mixed: NDArray[np.float32]) -> None:
    rows = mixed.copy()
    rows[5, 2] = np.nan
    baseline = baseline_of(rows)
    projection, summarizer = baseline.projection, RowSummarizer(baseline)
    assert projection is not None
    for row in rows:
        summarizer.update(array("f", row), array("d", [0.0]))
    window = summarizer.take(with_comoments=True)
    sums, comoments = window.projection, window.comoments
    assert sums.rows == projection.rows == WALK_ROWS - 1
    for total, squares, mean, variance in (
        (sums.t2, sums.t2_squares, projection.t2_mean, projection.t2_variance),
        (sums.q, sums.q_squares, projection.q_mean, projection.q_variance),
    ):
        assert total / sums.rows == pytest.approx(mean, rel=1e-4)
        assert squares / sums.rows - (total / sums.rows) ** 2 == pytest.approx(variance, rel=1e-3)
    assert comoments is not None
    products = np.zeros((6, 6))
    products[np.triu_indices(6)] = comoments.products
    covariance = products / comoments.rows - np.outer(comoments.sums, comoments.sums) / comoments.rows**2
    deviations = np.sqrt(np.diag(covariance))
    found = (covariance / np.outer(deviations, deviations))[np.triu_indices(6, 1)]
    assert found == pytest.approx(np.frombuffer(baseline.correlations, np.float32), abs=1e-4)


def test_t2_and_q_of_training_are_what_theory_says() -> None:
    baseline = baseline_of(np.random.default_rng(1).normal(size=(5000, 8)).astype(np.float32))
    projection = baseline.projection
    assert projection is not None
    k = len(projection.eigenvalues)
    assert projection.t2_mean == pytest.approx(k, rel=1e-3)
    assert projection.t2_variance == pytest.approx(2 * k, rel=0.15)
    assert projection.q_mean == pytest.approx(8 - sum(projection.eigenvalues), rel=1e-3)
    assert abs(projection.t2_lag1_correlation) < 0.05
    assert abs(projection.q_lag1_correlation) < 0.05


def test_a_walk_has_correlated_neighbours() -> None:
    walks = np.random.default_rng(2).normal(size=(WALK_ROWS, 4)).cumsum(axis=0).astype(np.float32)
    projection = baseline_of(walks).projection
    assert projection is not None
    assert min(projection.t2_lag1_correlation, projection.q_lag1_correlation) > 0.8


def test_categories_constants_and_gaps_are_left_out() -> None:
    rows = np.random.default_rng(4).normal(size=(200, 6)).astype(np.float32)
    rows[:, 1], rows[:, 2], rows[:50, 4] = np.arange(200) % 2, 7.0, np.nan
    described = (*features(1), MODE, *features(6)[2:])
    projection = baseline_of(rows, described).projection
    assert projection is not None
    assert projection.features == (0, 3, 5)


@pytest.mark.parametrize("shape", [(100, 1), (3, 2), (0, 3), (100, 513)])
def test_without_company_or_rows_there_is_no_projection(shape: tuple[int, int]) -> None:
    baseline = baseline_of(np.random.default_rng(5).normal(size=shape).astype(np.float32))
    assert (baseline.projection, baseline.correlations) == (None, b"")


def test_many_features_are_projected_and_their_correlations_not_told() -> None:
    baseline = baseline_of(np.random.default_rng(6).normal(size=(300, 101)).astype(np.float32))
    assert baseline.projection is not None
    assert len(baseline.projection.eigenvalues) == MAX_COMPONENTS
    assert baseline.correlations == b""


def test_the_extreme_of_float32_is_projected_too() -> None:
    rows = np.random.default_rng(7).normal(size=(50, 3)).astype(np.float32)
    rows[0] = np.finfo(np.float32).max
    rows[1] = -rows[0]
    projection = baseline_of(rows).projection
    assert projection is not None
    assert np.isfinite([projection.t2_mean, projection.t2_variance, projection.q_mean, projection.q_variance]).all()
