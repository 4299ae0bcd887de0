"""Whatever devices send: no exception, no warning, no NaN in a verdict, and a reason where there is no verdict."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from compiler.baseline import build_baseline
from detectors import (
    KINDS,
    Judgement,
    State,
    WindowArrays,
    charts_of,
    diagnose,
    empty_state,
    findings,
    judge,
    lay_out,
    level_for,
    pack,
    unpack,
)
from detectors.effect_sizes import effect_sizes
from detectors.windows import Tables, checked, empty_tables
from device_contract.manifest import Feature, Output

FEATURES = (
    Feature(name="normal"),
    Feature(name="constant"),
    Feature(name="never"),
    Feature(name="two"),
    Feature(name="colour", kind="category", categories=("red", "green", "blue")),
)


def odd_sample() -> NDArray[np.float32]:
    numbers = np.random.default_rng(6)
    columns = [numbers.normal(size=500), np.full(500, 7.0), np.full(500, np.nan), numbers.integers(0, 2, 500)]
    return np.stack([*columns, numbers.integers(0, 3, 500)], axis=1).astype(np.float32)


SAMPLE = odd_sample()
REFERENCE = lay_out(build_baseline(FEATURES, (Output(name="score"),), SAMPLE, SAMPLE[:, :1].astype(np.float64)))
CHARTS = charts_of(REFERENCE)
LEVELS = level_for(0.5, CHARTS.n_charts, 30)


def any_window(numbers: np.random.Generator, devices: int) -> WindowArrays:
    """Draw a window in which anything may be, whether or not it adds up."""
    names = np.array([(f"device-{place}", f"group-{place % 3}", str(place % 2)) for place in range(devices)])
    tables = empty_tables(REFERENCE, names.reshape(devices, 3))
    rows = numbers.choice([0, 1, 2, 50, 3000], devices)
    lost = rows[:, None] * (numbers.random((devices, CHARTS.n_streams)) < 0.3)
    width = REFERENCE.bins.sum(axis=1)
    for stream in range(CHARTS.n_streams):
        shares = numbers.dirichlet(np.full(width[stream], 0.2))
        tables.counts[:, stream, : width[stream]] = numbers.multinomial(rows - lost[:, stream], shares)
    tables.streams[..., 0] = lost
    tables.streams[..., 3] = numbers.integers(0, 2, lost.shape) * np.maximum(rows[:, None] - lost - 1, 0)
    tables.streams[..., 4] = numbers.choice([0.0, 1e30, -1e30, np.nan], lost.shape, p=[0.9, 0.04, 0.04, 0.02])
    tables.streams[..., 5] = numbers.choice([0.0, 1.0, 1e30], lost.shape)
    tables.streams[..., 6] = numbers.choice([-1.0, 0.0, 0.5, 1.0], lost.shape)
    tables.projected[:] = numbers.choice([0.0, 100.0, 1e9], (devices, 5))
    tables.related_rows[:] = numbers.choice([0.0, 2.0, 1000.0], devices)
    tables.correlations[:] = numbers.choice([-1.0, 0.0, 1.0], tables.correlations.shape)
    tables.explained[:] = numbers.choice([0.0, 20.0], devices)
    tables.attributions[:] = numbers.random(tables.attributions.shape)
    return checked(replace(tables, rows=rows.astype(np.float32)))


def take(state: State, window: WindowArrays) -> tuple[State, Judgement]:
    state, told = judge(state, REFERENCE, window, LEVELS)
    assert np.isfinite(told.ratios).all()
    assert np.isfinite(told.fleet_ratios).all()
    assert np.isfinite(told.movement).all()
    assert set(told.words.ravel().tolist()) <= {"stable", "drift", "learning", "no_data"}
    assert ((told.reasons != "") == np.isin(told.words, ["learning", "no_data"])).all()
    for values in state.pasts.arrays().values():
        assert np.isfinite(values).all()
    return state, told


@settings(max_examples=20)
@given(seed=st.integers(0, 2**32 - 1), devices=st.integers(1, 30))
def test_any_windows_are_judged(seed: int, devices: int) -> None:
    numbers = np.random.default_rng(seed)
    state = empty_state(CHARTS)
    for _ in range(6):
        state, told = take(state, any_window(numbers, devices))
    for device in range(devices):
        for kind in range(len(KINDS)):
            found = findings(told, device, kind)
            assert (diagnose(found) is not None) == bool(found)
    unpack(CHARTS, 1, pack(state.pasts))


def plain_window(numbers: np.random.Generator, devices: int, rows: int) -> Tables:
    """Lay out windows as in training."""
    tables = empty_tables(REFERENCE, np.array([(f"device-{place}", "", "") for place in range(devices)]))
    for stream, shares in enumerate(REFERENCE.shares):
        if shares.any():
            tables.counts[:, stream] = numbers.multinomial(rows, shares, devices)
        else:
            tables.streams[:, stream, 0] = rows  # never a value
    tables.streams[..., 5] = 1.0
    tables.projected[:] = np.array([1.0, 2.0, 8.0, 2.0, 8.0]) * rows
    return replace(tables, rows=np.full(devices, rows, np.float32))


WILD = (np.nan, np.inf, -np.inf, 1e200, -1e200)


@pytest.mark.parametrize("array", ["streams", "projected", "attributions", "explained", "related_rows"])
def test_what_is_no_number_is_no_data_and_harms_nobody(array: str) -> None:
    state = empty_state(CHARTS)
    for number, value in enumerate(WILD):
        tables = plain_window(np.random.default_rng(number), 8, 400)
        getattr(tables, array)[0] = value
        state, told = take(state, checked(tables))
        assert told.words[0].tolist() == ["no_data"] * 3
        assert "no_data" not in told.words[1:]
    assert not state.pasts.windows[0].any()


def test_a_window_of_very_many_rows_is_judged() -> None:
    state = empty_state(CHARTS)
    for rows in (2**24 + 1, 10**9 + 7, 10**12):
        state, told = take(state, checked(plain_window(np.random.default_rng(1), 8, rows)))
        assert "no_data" not in told.words


def test_one_value_that_makes_up_all_of_a_sum_is_judged() -> None:
    state, numbers = empty_state(CHARTS), np.random.default_rng(2)
    for sums in ((1e70, 1e140), (1e-200, 0.0)):
        tables = plain_window(numbers, 8, 400)
        tables.projected[0, 1:] = sums * 2
        state, told = take(state, checked(tables))
        assert "no_data" not in told.words


@pytest.mark.parametrize("devices", [0, 1, 3])
def test_few_devices_or_none(devices: int) -> None:
    state = empty_state(CHARTS)
    for seed in range(3):
        window = any_window(np.random.default_rng(seed), devices)
        state, told = take(state, window)
    assert len(told.words) == len(effect_sizes(REFERENCE, window)) == devices
