"""Small simulations of whole fleets: what is expected of the detectors, within what chance allows."""

import numpy as np
import pytest
from scipy.stats import binom, poisson

from benchmarks.drift.faults import Fault, outbreak_of
from benchmarks.drift.independent import Fleet, gaussian_reference
from benchmarks.drift.judging import KNOB, broken, healthy
from benchmarks.drift.series import RowFleet, World
from detectors import DEFAULT_RATE

DEVICES, FEATURES = 100, 6
REFERENCE = gaussian_reference(FEATURES, 1)


def test_moderate_settings_of_the_knob_alarm_as_often_as_they_say() -> None:
    rates = healthy({"independent": 18}, REFERENCE, Fleet(REFERENCE, DEVICES).windows(60, 2))
    for rate in rates[:2]:  # of the lower ones hardly an alarm is expected
        low, high = poisson.ppf((0.001, 0.999), (rate.shown * rate.months / 2.0, rate.shown * rate.months * 2.0))
        assert low <= rate.alarms <= high, rate


@pytest.mark.slow
def test_a_world_of_offsets_seasons_and_correlated_rows_alarms_no_more_often() -> None:
    fleet = RowFleet(World(DEVICES, FEATURES), 3)
    rates = healthy({"days": 18}, fleet.reference, fleet.windows(40))
    for rate in rates:
        assert rate.alarms <= poisson.ppf(0.999, 2.0 * rate.shown * rate.months), rate


@pytest.mark.slow
def test_a_world_of_hours_that_each_device_answers_its_own_way_alarms_no_more_often() -> None:
    fleet = RowFleet(World(DEVICES, FEATURES, windows_a_day=24), 3)
    for rate in healthy({"hours": 42}, fleet.reference, fleet.windows(120), phases=24):
        assert rate.alarms <= poisson.ppf(0.999, 2.0 * rate.shown * rate.months), rate


@pytest.mark.parametrize(
    ("fault", "allowed"),
    [(Fault(shift=0.25), 3), (Fault(gain=1.5), 2), (Fault(stuck=1.0), 2), (Fault(missing=0.2), 2)],
)
def test_broken_devices_are_found_and_healthy_ones_are_not(fault: Fault, allowed: int) -> None:
    outbreak = outbreak_of(fault, 20, (DEVICES, FEATURES), 20)
    windows = Fleet(REFERENCE, DEVICES).windows(30, 4, outbreak)
    (found,) = (one for one in broken(("", "", allowed), REFERENCE, windows, outbreak) if one.shown == DEFAULT_RATE)
    assert found.share == 1.0
    assert found.median <= allowed
    assert found.false <= binom.ppf(0.999, DEVICES, 0.001)


def test_the_knob_is_ordered() -> None:
    assert list(KNOB) == sorted(KNOB, reverse=True)
    assert np.min(KNOB) == DEFAULT_RATE
