import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet_server.drift.effective_size import design_effect
from tests.fleet_server.drift.windows import autoregressive


@pytest.mark.parametrize("correlation", [0.0, 0.5, 0.9, 0.99])
@pytest.mark.parametrize("rows", [1, 2, 10, 144])
def test_equals_the_sum_over_lags(correlation: float, rows: int) -> None:
    expected = 1 + 2 * sum((1 - lag / rows) * correlation**lag for lag in range(1, rows))
    assert design_effect(correlation, rows) == pytest.approx(expected, rel=1e-6)


@given(st.floats(-1, 1), st.integers(1, 10**6))
def test_lies_between_one_and_the_number_of_rows(correlation: float, rows: int) -> None:
    assert 1.0 <= design_effect(correlation, rows) <= rows


def test_foretells_the_variance_of_means() -> None:
    generator = np.random.default_rng(0)
    means = autoregressive(generator, 144 * 2000, 0.9).reshape(2000, 144).mean(axis=1)
    assert means.var() * 144 == pytest.approx(design_effect(0.9, 144), rel=0.1)
