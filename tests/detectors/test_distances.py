"""Distances of two histograms, against SciPy on the rows themselves."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats
from scipy.spatial.distance import jensenshannon

from detectors.distances import (
    Histogram,
    jensen_shannon_distance,
    kolmogorov_smirnov_distance,
    population_stability_index,
    quantiles,
    stability_index_of_equals,
    wasserstein_distance,
)

EDGES = np.linspace(-3.0, 3.0, 121)
DISTANCES = (
    population_stability_index,
    jensen_shannon_distance,
    kolmogorov_smirnov_distance,
    wasserstein_distance,
)
lists = st.lists(st.floats(-4, 4, width=16), min_size=1, max_size=40)


def histogram(rows: NDArray[np.float64], edges: NDArray[np.float64] = EDGES) -> Histogram:
    counts = np.bincount(np.searchsorted(edges, rows, "right"), minlength=len(edges) + 1)
    return Histogram(edges, counts.astype(np.float64), float(rows.min()), float(rows.max()))


@pytest.fixture(scope="module")
def rows() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    generator = np.random.default_rng(4)
    return generator.normal(0.0, 1.0, 20_000), generator.normal(0.3, 1.2, 10_000)


def test_they_are_what_scipy_finds_on_the_rows(rows: tuple[NDArray[np.float64], NDArray[np.float64]]) -> None:
    a, b = histogram(rows[0]), histogram(rows[1])
    assert wasserstein_distance(a, b) == pytest.approx(stats.wasserstein_distance(*rows), rel=0.03)
    assert kolmogorov_smirnov_distance(a, b) == pytest.approx(stats.ks_2samp(*rows).statistic, abs=0.005)
    assert jensen_shannon_distance(a, b) == pytest.approx(jensenshannon(a.counts, b.counts, base=2), rel=0.01)
    shares = np.array([0.05, 0.5, 0.95])
    assert quantiles(b, shares) == pytest.approx(np.quantile(rows[1], shares), abs=0.02)


def test_the_index_of_equals_is_the_average_without_a_difference() -> None:
    generator, edges = np.random.default_rng(5), np.linspace(-1.3, 1.3, 10)
    found, expected = [], []
    for _ in range(200):
        a, b = (histogram(generator.normal(size=rows), edges) for rows in (2_000, 500))
        found.append(population_stability_index(a, b))
        expected.append(stability_index_of_equals(a, b))
    assert np.mean(found) == pytest.approx(np.mean(expected), rel=0.1)


@given(lists, lists)
def test_laws(one: list[float], other: list[float]) -> None:
    a, b = histogram(np.array(one)), histogram(np.array(other))
    for distance in DISTANCES:
        assert distance(a, a) == pytest.approx(0.0, abs=1e-7)
        assert distance(a, b) == pytest.approx(distance(b, a), abs=1e-12)
        assert distance(a, b) >= 0.0
    assert jensen_shannon_distance(a, b) <= 1.0
    assert kolmogorov_smirnov_distance(a, b) <= 1.0


@given(lists, st.lists(st.floats(0, 1), min_size=1, max_size=5))
def test_quantiles_ascend_within_what_was_seen(values: list[float], shares: list[float]) -> None:
    found = quantiles(histogram(np.array(values)), np.sort(shares))
    assert (np.diff(found) >= 0.0).all()
    assert min(values) <= found.min()
    assert found.max() <= max(values)


def test_single_values_are_apart_by_their_difference() -> None:
    a, b = histogram(np.full(5, 1.0)), histogram(np.full(3, 2.5))
    assert wasserstein_distance(a, b) == 1.5
    assert wasserstein_distance(a, a) == 0.0
    assert quantiles(a, np.array([0.0, 0.5, 1.0])).tolist() == [1.0, 1.0, 1.0]
