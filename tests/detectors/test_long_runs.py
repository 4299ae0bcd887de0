"""What only shows after many windows, or where a group is small for long."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import ndtr

from benchmarks.drift.independent import gaussian_reference
from detectors import DEFAULT_RATE, WindowArrays, charts_of, empty_state, judge, level_for, pack, unpack
from detectors.state import OWN, PEERS
from detectors.windows import checked, empty_tables
from tests.detectors.test_relations import REFERENCE as RELATED

REFERENCE = gaussian_reference(1, 1)
CHARTS = charts_of(REFERENCE)
LEVELS = level_for(DEFAULT_RATE, CHARTS.n_charts, 30)


def window_at(places: NDArray[np.float64], rows: int, numbers: np.random.Generator) -> WindowArrays:
    """A window of devices whose rows are Gaussian about these places."""
    tables = empty_tables(REFERENCE, np.array([(f"device-{number}", "", "") for number in range(len(places))]))
    below = ndtr(REFERENCE.edges[0] - places[:, None])
    shares = np.diff(np.pad(below, ((0, 0), (1, 1)), constant_values=((0, 0), (0, 1))), axis=1)
    tables.counts[:, 0] = numbers.multinomial(rows, shares)
    tables.streams[:, 0, 4:6] = np.stack([places, np.ones_like(places)], axis=1)
    return checked(replace(tables, rows=np.full(len(places), rows, np.float32)))


def related_at(correlations: NDArray[np.float64], rows: int, numbers: np.random.Generator) -> WindowArrays:
    """A window of devices whose features each look as in training, and correlate like this."""
    tables = empty_tables(RELATED, np.array([(f"device-{number:02}", "", "") for number in range(len(correlations))]))
    tables.counts[:] = numbers.multinomial(rows, RELATED.shares, (len(correlations), RELATED.n_streams))
    tables.streams[:, :, 5] = 1.0
    tables.related_rows[:] = rows
    tables.correlations[:] = np.tanh(np.arctanh(correlations) + numbers.normal(size=correlations.shape) / rows**0.5)
    return checked(replace(tables, rows=np.full(len(correlations), rows, np.float32)))


def test_a_device_that_is_broken_for_long_hides_no_other() -> None:
    numbers, state = np.random.default_rng(0), empty_state(CHARTS)
    own, named = numbers.normal(0.0, 0.15, 6), []
    for number in range(130):
        places = own + numbers.normal(0.0, 0.1)
        places[0] += 1.0 * (number >= 20)
        places[3] += 0.25 * (number >= 120)
        state, told = judge(state, REFERENCE, window_at(places, 400, numbers), LEVELS)
        named.append(told.alarmed[3, OWN].any())
    assert not any(named[:120])
    assert any(named[120:])


@pytest.mark.parametrize("rows", [400, 1_000_000])
def test_how_much_a_stream_varies_is_kept_whole_between_windows(rows: int) -> None:
    numbers, state = np.random.default_rng(0), empty_state(CHARTS)
    for number in range(120):
        places = numbers.normal(0.0, 0.1, 8)
        state, told = judge(state, REFERENCE, window_at(places, rows, numbers), LEVELS)
        assert not told.alarmed[:, OWN].any(), number
        state = replace(state, pasts=unpack(CHARTS, 1, pack(state.pasts)))


def test_an_alarm_does_not_fade_because_the_broken_streams_rows_resemble_each_other() -> None:
    numbers, state, learned = np.random.default_rng(2), empty_state(CHARTS), 0.0
    own = numbers.normal(0.0, 0.15, 8)
    for number in range(70):
        is_broken = (np.arange(len(own)) == 0) & (number >= 20)
        window = window_at(own + 0.4 * is_broken, 400, numbers)
        window.lag1[is_broken] = 0.97
        state, told = judge(state, REFERENCE, window, LEVELS)
        if number == 25:
            learned = state.pasts.lag1[0, 0]
        if number >= 25:
            assert told.alarmed[0, OWN].any(), number
        assert not told.alarmed[1:, OWN].any(), number
    assert state.pasts.lag1[0, 0] == learned


def test_a_relation_that_stays_broken_stays_alarmed() -> None:
    numbers, charts = np.random.default_rng(3), charts_of(RELATED)
    state, levels = empty_state(charts), level_for(DEFAULT_RATE, charts.n_charts, 30)
    usual = np.tile(RELATED.correlations, (12, 1))
    for number in range(80):
        correlations = usual.copy()
        correlations[5, 0] -= 0.3 * (number >= 20)
        state, told = judge(state, RELATED, related_at(correlations, 600, numbers), levels)
        assert told.alarmed[5, OWN, -1] or number < 23, number
        assert not np.delete(told.alarmed[:, OWN, -1], 5).any(), number


def test_a_device_that_came_late_for_long_does_not_stand_apart_from_its_peers() -> None:
    numbers, state = np.random.default_rng(4), empty_state(CHARTS)
    own = 2.0 + numbers.normal(0.0, 0.1, 60)
    for number in range(70):
        window = window_at(own + numbers.normal(0.0, 0.05), 1000, numbers)
        is_late = 30 <= number < 60
        others = np.arange(1 if is_late else 0, len(own))
        state, told = judge(state, REFERENCE, window.select(others), LEVELS)
        if is_late:
            state, _ = judge(state, REFERENCE, window.select(np.arange(1)), LEVELS, told)
        assert not told.alarmed[:, PEERS].any(), number


def test_a_group_learns_no_common_steps_while_it_is_too_small_to_have_any() -> None:
    highest = []
    for devices_before in (3, 6):
        numbers, state, severities = np.random.default_rng(3), empty_state(CHARTS), []
        own = numbers.normal(0.0, 0.15, 8)
        for number in range(120):
            places = own[: devices_before if number < 40 else len(own)] + numbers.normal(0.0, 0.2)
            state, told = judge(state, REFERENCE, window_at(places, 50_000, numbers), LEVELS)
            severities.append(float(told.fleet_severity[0]))
        highest.append(max(severities[40:]))
    assert highest[0] == pytest.approx(highest[1], abs=0.2)
