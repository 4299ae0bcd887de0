from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from detectors import Judgement, State, WindowArrays, charts_of, empty_state, judge, level_for
from detectors.state import PEERS
from detectors.summing_up import FEW_PEERS
from tests.detectors.windows import gaussian_reference, window_of

REFERENCE = gaussian_reference(3)
CHARTS = charts_of(REFERENCE)
LEVELS = level_for(0.5, CHARTS.n_charts, 30)
DEVICES = 12


def rows(seed: int, devices: int = DEVICES, n_rows: int = 400) -> NDArray[np.float32]:
    return np.random.default_rng(seed).normal(size=(devices, n_rows, 3)).astype(np.float32)


def take(state: State, window: WindowArrays, late: Judgement | None = None) -> tuple[State, Judgement]:
    return judge(state, REFERENCE, window, LEVELS, late)


@pytest.fixture(scope="module")
def learned() -> State:
    state = empty_state(CHARTS)
    for window in range(12):
        state, told = take(state, window_of(REFERENCE, rows(window)))
    assert (told.words == "stable").all()
    return state


@pytest.fixture(scope="module")
def apart(learned: State) -> State:
    """Device 5 has stood apart from its peers until it was alarmed."""
    for window in range(16):
        shifted = rows(800 + window)
        shifted[5, :, 1] += 2.0
        learned, told = take(learned, window_of(REFERENCE, shifted))
    assert told.words[5, PEERS] == "drift"
    return learned


def test_a_shifted_sensor_is_told_from_its_peers_and_named(learned: State) -> None:
    for window in range(16):
        shifted = rows(100 + window)
        shifted[3, :, 1] += 2.0
        learned, told = take(learned, window_of(REFERENCE, shifted))
        if window == 3:
            assert told.words[3, :2].tolist() == ["drift", "drift"]
    assert told.words[3].tolist() == ["drift", "drift", "drift"]
    assert (np.delete(told.words, 3, axis=0) == "stable").all()
    assert told.alarmed[3, 1, CHARTS.column("sensor-1", "location")]
    assert told.differences[3, CHARTS.column("sensor-1", "location")] == pytest.approx(2.0, abs=0.3)
    assert (told.fleet_words == "stable").all()


def test_a_step_of_all_devices_is_the_fleets(learned: State) -> None:
    learned, told = take(learned, window_of(REFERENCE, rows(200) + np.float32(0.5)))
    assert told.fleet_words.tolist() == ["drift"]
    for window in range(3):
        learned, told = take(learned, window_of(REFERENCE, rows(201 + window) + np.float32(0.5)))
    assert (told.words[:, 1:] == "stable").all()


def test_a_new_version_forgets_the_outputs_and_keeps_the_features(learned: State) -> None:
    window = window_of(REFERENCE, rows(300), versions=["2"] + ["1"] * (DEVICES - 1))
    state, _ = take(learned, window)
    freedom = state.pasts.freedom[0]
    assert (freedom[CHARTS.output] <= 1).all()
    assert (freedom[~CHARTS.output & (CHARTS.channel == "location")] == 12).all()


def test_late_devices_are_compared_with_what_their_peers_reported(learned: State) -> None:
    window = window_of(REFERENCE, rows(400) + np.float32(0.5))
    _, together = take(learned, window)
    late = np.arange(DEVICES) == 5
    state, first = take(learned, window.select(np.flatnonzero(~late)))
    state, second = take(state, window.select(np.flatnonzero(late)), late=first)
    assert second.words[0, 1] == "stable"
    scalar = CHARTS.n_measured + CHARTS.n_counted  # of vectors a late call says nothing
    np.testing.assert_allclose(second.differences[0, :scalar], together.differences[5, :scalar], atol=0.05)
    assert second.fleet_words.tolist() == first.fleet_words.tolist() == ["drift"]


def test_a_late_device_keeps_its_alarm_against_its_peers(apart: State) -> None:
    late = np.arange(DEVICES) == 5
    alarmed = apart.pasts.alarmed_against(PEERS)[5]
    assert alarmed.any()
    window = window_of(REFERENCE, rows(820))
    state, first = take(apart, window.select(np.flatnonzero(~late)))
    state, second = take(state, window.select(np.flatnonzero(late)), late=first)
    assert (second.words[0, PEERS], second.reasons[0, PEERS]) == ("no_data", FEW_PEERS)
    assert not second.compared[0, PEERS].any()
    np.testing.assert_array_equal(state.pasts.select(state.devices == "device-0005").alarmed_against(PEERS)[0], alarmed)


def test_a_window_without_values_ends_no_alarm_and_a_group_that_is_gone_does(apart: State) -> None:
    chart = CHARTS.column("sensor-1", "location")
    lost = rows(860)
    lost[5, :, 1] = np.nan
    _, told = take(apart, window_of(REFERENCE, lost))
    assert told.alarmed[5, PEERS, chart]
    assert not told.compared[5, PEERS, chart]
    _, told = take(apart, window_of(REFERENCE, rows(861)).select(np.arange(4, 7)))
    assert told.words[:, PEERS].tolist() == ["no_data"] * 3
    assert not told.alarmed[:, PEERS].any()


def test_what_few_devices_say_is_compared_with_no_peers(learned: State) -> None:
    for window in range(4):
        lost = rows(880 + window)
        lost[3:, :, 1] = np.nan
        learned, told = take(learned, window_of(REFERENCE, lost))
    assert not told.compared[:, PEERS, CHARTS.column("sensor-1", "location")].any()
    assert told.compared[:, PEERS, CHARTS.column("sensor-0", "location")].all()


def test_a_device_that_joins_is_learned_first(learned: State) -> None:
    window = window_of(REFERENCE, rows(500, devices=DEVICES + 1))
    state, told = take(learned, window)
    assert told.words[-1].tolist() == ["learning"] * 3
    assert len(state.devices) == DEVICES + 1
    assert (told.words[:-1] == "stable").all()


@pytest.mark.parametrize("fault", ["no rows", "counts do not add up", "moments are not numbers"])
def test_what_cannot_be_true_is_no_data_and_changes_nobody_else(learned: State, fault: str) -> None:
    window = window_of(REFERENCE, rows(600))
    changed = {"rows": window.rows.copy(), "counts": window.counts.copy(), "mean": window.mean.copy()}
    if fault == "no rows":
        changed["rows"][2] = 0
    elif fault == "counts do not add up":
        changed["counts"][2, 0, 3] += 1
    else:
        changed["mean"][2, 0] = np.nan
    reasons = np.where(np.arange(DEVICES) == 2, fault, "")
    broken = replace(window, **changed, sound=np.arange(DEVICES) != 2, reasons=reasons)
    state, told = take(learned, broken)
    assert told.words[2].tolist() == ["no_data"] * 3
    assert told.reasons[2].tolist() == [fault] * 3
    assert np.isfinite(told.ratios).all()
    assert (np.delete(told.words, 2, axis=0) == "stable").all()
    assert state.pasts.windows[state.devices == "device-0002"] == 12


def test_one_device_alone_has_no_peers_and_says_so() -> None:
    state = empty_state(CHARTS)
    for window in range(10):
        state, told = take(state, window_of(REFERENCE, rows(window, devices=1)))
    assert told.words[0].tolist() == ["stable", "stable", "no_data"]
    assert told.reasons[0, 2] == "too few devices in its group"
    assert told.fleet_words.tolist() == ["no_data"]


def test_a_stream_without_a_value_alarms_as_missing_and_is_no_number_nowhere(learned: State) -> None:
    for window in range(3):
        lost = rows(700 + window)
        lost[4, :, 2] = np.nan
        learned, told = take(learned, window_of(REFERENCE, lost))
    assert told.alarmed[4, 1, CHARTS.column("sensor-2", "missing")]
    assert np.isfinite(told.ratios).all()
