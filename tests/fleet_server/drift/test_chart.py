import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet_server.drift.chart import LEVEL, SPREAD, Chart, step


def run(values: list[float], *, signed: bool = True) -> Chart:
    chart = Chart()
    for value in values:
        chart = step(chart, value, signed=signed)
    return chart


@pytest.mark.parametrize("wild", [math.inf, -math.inf, 1e300])
def test_takes_three_wild_windows_to_alarm(wild: float) -> None:
    assert not run([wild, wild]).alarmed
    assert run([wild, wild, wild]).alarmed


def test_gathers_a_small_shift() -> None:
    assert not run([2.0] * 5).alarmed
    assert run([2.0] * 20).alarmed


def test_stays_alarmed_until_half_the_threshold() -> None:
    chart = run([3.0] * 20)
    heard = []
    for _ in range(30):
        chart = step(chart, 0.0)
        heard.append((chart.severity, chart.alarmed))
    assert all(alarmed == (severity > 0.5) for severity, alarmed in heard)


def test_an_unsigned_chart_does_not_alarm_on_low_values() -> None:
    assert run([-8.0] * 50).alarmed
    assert not run([-8.0] * 50, signed=False).alarmed
    assert run([-8.0] * 50, signed=False).value == 0.0


@given(st.lists(st.floats(allow_nan=False), max_size=50))
def test_stays_within_its_limits(values: list[float]) -> None:
    assert run(values).severity <= 4.0


def test_false_alarms_are_as_rare_as_the_guide_says() -> None:
    """20,000 healthy charts over 300 windows: the guide says fewer than 1 in 1,000."""
    generator = np.random.default_rng(1)
    average = np.zeros(20_000)
    highest = np.zeros(20_000)
    for _ in range(300):
        average += 0.1 * (generator.standard_normal(20_000) - average)
        highest = np.maximum(highest, np.abs(average))
    assert (highest > LEVEL * SPREAD).mean() < 0.001
