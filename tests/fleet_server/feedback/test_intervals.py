"""Intervals against scipy, and against how often they hold the truth."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from fleet_server.feedback.intervals import MIN_UNITS, NORMAL_QUANTILE, Estimate, positive, spread, symmetric, wilson


@given(trials=st.integers(1, 100_000), part=st.floats(0, 1))
def test_wilson_is_scipys(trials: int, part: float) -> None:
    successes = round(part * trials)
    expected = binomtest(successes, trials).proportion_ci(method="wilson")
    found = wilson(successes / trials, trials)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-12)
    assert 0 <= found.low <= found.value <= found.high <= 1


def test_rows_that_do_not_resemble_each_other_are_taken_as_independent() -> None:
    contributions = np.array([1.0, -1.0] * MIN_UNITS) * 1e-6
    assert (spread(0.5, contributions).variance, spread(0.5, contributions).effect) == (0.5, 1.0)
    assert spread(0.5, np.array([1.0, -1.0])).quantile == NORMAL_QUANTILE


def test_devices_that_differ_widen_the_interval() -> None:
    contributions = np.array([0.1, -0.1] * MIN_UNITS)
    found = spread(0.01, contributions)
    assert found.variance == pytest.approx(20 / 19 * 20 * 0.01)
    assert found.effect == pytest.approx(found.variance / 0.01)
    assert found.quantile > NORMAL_QUANTILE


@pytest.mark.parametrize("bound", [symmetric, positive])
def test_a_figure_without_scatter_is_certain(bound: Callable[..., Estimate]) -> None:
    assert bound(0.0, spread(0.0, np.zeros(30))) == Estimate(0.0, 0.0, 0.0)


def test_nothing_negative_is_said_of_what_is_positive() -> None:
    found = positive(0.1, spread(0.04, np.zeros(1)))
    assert 0 < found.low < 0.1 < found.high
    assert found.low * found.high == pytest.approx(0.01)
