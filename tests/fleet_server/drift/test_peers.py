import numpy as np
import pytest

from fleet_server.drift.peers import LEARNING_WINDOWS, PeerState, StreamValue, difference, finding, take_difference


def run(values: list[float], deviation: float = 1.0) -> PeerState:
    state = PeerState()
    for value in values:
        state = take_difference(state, value, deviation)
    return state


def test_difference_is_to_the_peers_median() -> None:
    values = {name: StreamValue(100, mean) for name, mean in (("a", 5.0), ("b", 1.0), ("c", 2.0), ("d", 90.0))}
    assert difference("a", values) == 3.0
    assert difference("d", values) == 88.0


def test_two_peers_are_too_few_to_tell_who_is_broken() -> None:
    values = {name: StreamValue(100, 1.0) for name in "abc"}
    assert difference("a", values) is None


def test_a_half_empty_window_is_left_out() -> None:
    values = {name: StreamValue(100, 1.0) for name in "abcd"} | {"e": StreamValue(49, 50.0)}
    assert difference("e", values) is None
    assert difference("a", values) == 0.0
    assert difference("a", {"a": StreamValue(0, float("nan"))}) is None


def test_a_constant_difference_is_the_devices_own_way() -> None:
    generator = np.random.default_rng(0)
    state = run(list(5.0 + 0.1 * generator.standard_normal(200)))
    assert not state.chart.alarmed
    assert not state.is_learning


def test_says_nothing_while_it_learns() -> None:
    state = run([0.0] * (LEARNING_WINDOWS - 1))
    assert state.is_learning
    assert not take_difference(state, 100.0, 1.0).chart.alarmed


def test_finds_an_offset_of_less_than_half_a_deviation() -> None:
    generator = np.random.default_rng(1)
    noise = 0.05 * generator.standard_normal(200)
    past, shifted = list(noise[:100]), list(noise[100:120] + 0.4)
    assert not run(past).chart.alarmed
    assert run(past + shifted).chart.alarmed
    assert not run(past + list(noise[100:] + 0.1)).chart.alarmed  # inside the tolerance


def test_the_size_of_a_shift_is_told_when_it_is_found_though_the_chart_lags() -> None:
    generator = np.random.default_rng(3)
    state = run(list(1.0 + 0.05 * generator.standard_normal(100)))
    while not state.chart.alarmed:
        state = take_difference(state, 7.0, 1.0)
    assert finding("temperature", "feature", state).shift == pytest.approx(6.0, abs=0.1)
    assert state.chart.value < 3.0


def test_learning_bears_a_few_bad_windows() -> None:
    generator = np.random.default_rng(2)
    noise = 0.05 * generator.standard_normal(200)
    noise[[3, 9, 15, 20]] += 30.0
    assert not run(list(noise)).chart.alarmed
    assert run([*noise, *(noise[100:120] + 0.8)]).chart.alarmed


@pytest.mark.slow
def test_false_alarms_are_as_rare_as_the_guide_says() -> None:
    """4,000 healthy streams over 300 windows, with noise that dwarfs the tolerance: below 0.5 %."""
    generator = np.random.default_rng(3)
    alarms = 0
    for _ in range(4_000):
        alarms += _ever_alarms(generator.standard_normal(LEARNING_WINDOWS + 300))
    assert alarms / 4_000 < 0.005


def _ever_alarms(values: np.ndarray) -> bool:
    state = PeerState()
    for value in values:
        state = take_difference(state, float(value), 1.0)
        if state.chart.alarmed:
            return True
    return False
