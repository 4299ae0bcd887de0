"""The divergence gate, on simulated rollouts (``benchmarks.drift.canary``)."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.drift.canary import TOLERANCE, Rollout, outcomes, simulate
from fleet_server.rollouts.divergence import DeviceSeries, Floats, looks

REPETITIONS = 150


def failed(rollout: Rollout) -> float:
    ends = outcomes(rollout, repetitions=REPETITIONS, seed=7)
    return sum(look.verdict == "fail" for look in ends) / REPETITIONS


@pytest.mark.parametrize("canaries", [20, 50, 100])
def test_a_good_version_is_hardly_ever_aborted(canaries: int) -> None:
    assert failed(Rollout(canaries, 1000, 0.0)) <= 0.025


@pytest.mark.parametrize("shift", [0.05, -0.05])
def test_a_small_shift_on_few_devices_is_caught(shift: float) -> None:
    assert failed(Rollout(20, 1000, shift)) >= 0.95


def test_a_harmless_version_passes_once_enough_devices_have_it() -> None:
    ends = outcomes(Rollout(200, 1000, 0.0), repetitions=50, seed=3)
    assert all(look.verdict == "pass" for look in ends)
    assert all(-TOLERANCE.difference < look.low < look.high < TOLERANCE.difference for look in ends)


def test_few_devices_are_inconclusive_however_far_apart() -> None:
    canary, control = simulate(np.random.default_rng(1), Rollout(19, 1000, 5.0))
    last = looks(canary, control, TOLERANCE)[-1]
    assert (last.verdict, last.canaries, last.controls) == ("inconclusive", 19, 981)


def test_silent_devices_do_not_count() -> None:
    canary, control = simulate(np.random.default_rng(1), Rollout(30, 1000, 5.0))
    canary.after[:11] = np.nan
    canary.before[11] = np.nan
    last = looks(canary, control, TOLERANCE)[-1]
    assert (last.verdict, last.canaries) == ("inconclusive", 18)


def test_a_window_that_is_missing_is_passed_over() -> None:
    canary, control = simulate(np.random.default_rng(1), Rollout(30, 1000, 0.0))
    canary.after[:, 0] = np.nan
    taken = looks(canary, control, TOLERANCE)
    assert (taken[0].canaries, taken[1].canaries) == (0, 30)


def test_one_broken_canary_does_not_abort_the_others() -> None:
    canary, control = simulate(np.random.default_rng(1), Rollout(50, 1000, 0.0))
    canary.after[0] += 100.0
    assert looks(canary, control, TOLERANCE)[-1].verdict == "inconclusive"


def test_nothing_to_look_at() -> None:
    side = DeviceSeries(np.zeros(30), np.zeros((30, 0)))
    assert looks(side, side, TOLERANCE) == []


def test_devices_that_never_change_pass() -> None:
    side = DeviceSeries(np.zeros(30), np.zeros((30, 3)))
    assert [look.verdict for look in looks(side, side, TOLERANCE)] == ["pass"]


@given(st.floats(-1e3, 1e3), st.floats(-1e3, 1e3))
def test_what_meets_all_devices_alike_changes_nothing(before: float, after: float) -> None:
    canary, control = simulate(np.random.default_rng(5), Rollout(25, 100, 0.05))
    moved = (_moved(side, before, after) for side in (canary, control))
    for plain, other in zip(looks(canary, control, TOLERANCE), looks(*moved, TOLERANCE), strict=True):
        assert (plain.verdict, plain.canaries) == (other.verdict, other.canaries)
        np.testing.assert_allclose([plain.low, plain.high], [other.low, other.high], atol=1e-9)


def _moved(side: DeviceSeries, before: float, after: float) -> DeviceSeries:
    later: Floats = side.after + after
    return DeviceSeries(side.before + before, later)
