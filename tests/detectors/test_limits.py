import numpy as np
import pytest
from scipy.stats import norm

from compiler.baseline import build_baseline
from detectors import charts_of, lay_out, level_for
from detectors.ewma import SPREAD, WEIGHT
from detectors.levels import GAUSSIAN
from detectors.limits import calibrate, crossing_rate
from device_contract.baseline import decode_baseline, encode_baseline
from device_contract.limits import check_limits
from device_contract.manifest import Feature, Output
from tests.detectors.windows import gaussian_reference


def test_a_moving_average_crosses_as_often_as_when_it_is_simulated() -> None:
    numbers = np.random.default_rng(4)
    scores = numbers.normal(size=200_000)
    average, crossed, level = np.zeros(4000), 0, 3.0 * SPREAD
    for _ in range(400):
        average += WEIGHT * (numbers.normal(size=4000) - average)
        over = np.abs(average) > level
        crossed += int(over.sum())
        average[over] = 0.0  # the next alarm is another one
    assert crossing_rate(scores, 3.0) == pytest.approx(crossed / 400 / 4000, rel=0.1)


def test_gaussian_scores_have_the_rates_that_stand_in_for_a_missing_table() -> None:
    scores = norm.ppf((np.arange(400_000) + 0.5) / 400_000)
    for rate, level in zip(GAUSSIAN.rates[:5], GAUSSIAN.levels[0][:5], strict=True):
        assert crossing_rate(scores, level) == pytest.approx(rate, rel=0.1)


def test_limits_are_the_same_each_time_and_the_fewer_alarms_the_higher_the_level() -> None:
    reference = gaussian_reference(4)
    limits = calibrate(reference)
    assert limits == calibrate(reference)
    check_limits(limits)
    levels = [level_for(rate, 0, 30, limits).own for rate in (500.0, 50.0, 5.0, 0.5, 0.05)]
    assert levels == sorted(levels)
    assert levels[0] > 3.0
    assert levels[-1] < 6.5


@pytest.mark.parametrize("values", [[7.0] * 50, [float("nan")] * 50, [0.0, 1.0] * 25, [1.0, 2.0, 3.0, 4.0, 1e30] * 10])
def test_features_of_few_values_have_limits_too(values: list[float]) -> None:
    rows = np.array(values, np.float32).reshape(-1, 1)
    built = build_baseline((Feature(name="x"),), (Output(name="y"),), rows, np.zeros((50, 1)))
    limits = calibrate(lay_out(decode_baseline(encode_baseline(built))))
    check_limits(limits)
    charts = charts_of(lay_out(built))
    assert np.isfinite(level_for(0.5, charts.n_charts, 30, limits).own)
