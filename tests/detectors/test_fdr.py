import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import false_discovery_control

from detectors.fdr import adjusted, discovery_rates


@given(st.lists(st.floats(0.0, 1.0), min_size=1, max_size=50))
def test_adjusted_as_scipy_does(probabilities: list[float]) -> None:
    values = np.array(probabilities)
    np.testing.assert_allclose(adjusted(values), false_discovery_control(values), rtol=1e-9, atol=1e-300)


def test_what_is_not_known_is_left_out() -> None:
    told = adjusted(np.array([[0.01, np.nan], [0.02, 0.5]]))
    np.testing.assert_allclose(told, [[0.03, np.nan], [0.03, 0.5]])


@pytest.mark.parametrize("rate", [0.05, 0.2])
def test_of_what_is_found_no_larger_share_is_chance(rate: float) -> None:
    numbers = np.random.default_rng(7)
    shares = []
    for _ in range(300):
        scores = numbers.standard_normal(2000)
        scores[:50] += 4.0
        found = discovery_rates(scores) <= rate
        assert found[:50].sum() > 10
        shares.append(found[50:].sum() / found.sum())
    assert rate / 2 < np.mean(shares) < rate * 1.1
