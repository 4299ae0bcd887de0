"""Design effects, against series that are simulated."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.signal import lfilter
from scipy.special import ndtri

from detectors.clustering import tail_effect
from detectors.design_effect import design_effect, long_run_effect, without_bias

ROWS = 500


def series(correlation: float, count: int = 2000) -> NDArray[np.float64]:
    numbers = np.random.default_rng(7).normal(size=(count, 1000 + ROWS))
    values = lfilter([np.sqrt(1.0 - correlation**2)], [1.0, -correlation], numbers, axis=1)
    return np.asarray(values[:, 1000:])


@pytest.mark.parametrize("correlation", [0.0, 0.5, 0.9])
def test_a_mean_varies_as_much_more(correlation: float) -> None:
    found = series(correlation).mean(axis=1).var() * ROWS
    assert design_effect(np.array(correlation), np.array(ROWS)) == pytest.approx(found, rel=0.12)
    assert long_run_effect(np.array(correlation), np.array(ROWS)) == pytest.approx(found, rel=0.2)


@pytest.mark.parametrize("correlation", [0.3, 0.82, 0.95])
@pytest.mark.parametrize("share", [0.005, 0.02, 0.1])
def test_a_tail_varies_as_much_more(correlation: float, share: float) -> None:
    counts = (series(correlation) > -ndtri(share)).sum(axis=1)
    found = counts.var() / (ROWS * share * (1.0 - share))
    assert tail_effect(np.array(correlation), np.array(ROWS), share) == pytest.approx(found, rel=0.15)


@pytest.mark.parametrize("correlation", [0.0, 0.6, 0.95])
def test_a_short_window_tells_the_correlation_without_bias(correlation: float) -> None:
    values = series(correlation)[:, :100]
    centred = values - values.mean(axis=1, keepdims=True)
    lag1 = (centred[:, 1:] * centred[:, :-1]).mean(axis=1) / (centred**2).mean(axis=1)
    assert without_bias(lag1, np.array(100.0)).mean() == pytest.approx(correlation, abs=0.02)
