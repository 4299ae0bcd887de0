import numpy as np
import pytest

from detectors import StateError, charts_of, empty_state, judge, level_for, pack, pack_fleet, unpack, unpack_fleet
from tests.detectors.windows import gaussian_reference, window_of

REFERENCE = gaussian_reference(2)
CHARTS = charts_of(REFERENCE)
LEVELS = level_for(0.5, CHARTS.n_charts, 30)


def test_pasts_come_back_and_are_small() -> None:
    state = empty_state(CHARTS, phases=2)
    numbers = np.random.default_rng(1)
    for phase in (0, 1) * 5:
        rows = numbers.normal(size=(6, 100, 2)).astype(np.float32)
        rows[0, :, 0] += 3.0 * (phase == 1)
        state, _ = judge(state, REFERENCE, window_of(REFERENCE, rows, phase=phase), LEVELS)
    blobs = pack(state.pasts)
    assert len(blobs) == 6
    assert len(blobs[0]) < 240 * REFERENCE.n_streams
    again = unpack(CHARTS, 2, blobs).arrays()
    for name, values in state.pasts.arrays().items():
        np.testing.assert_allclose(again[name], values, rtol=1e-3, atol=1e-6, err_msg=name)
    fleet = unpack_fleet(CHARTS, 2, pack_fleet(state.fleet))
    assert fleet.groups == ("all",)
    np.testing.assert_array_equal(fleet.level, state.fleet.level)


def test_a_past_of_another_baseline_or_season_is_refused() -> None:
    state = empty_state(CHARTS)
    rows = np.random.default_rng(2).normal(size=(1, 50, 2)).astype(np.float32)
    state, _ = judge(state, REFERENCE, window_of(REFERENCE, rows), LEVELS)
    with pytest.raises(StateError):
        unpack(charts_of(gaussian_reference(3)), 1, pack(state.pasts))
    with pytest.raises(StateError):
        unpack(CHARTS, 24, pack(state.pasts))
    with pytest.raises(StateError):
        unpack_fleet(CHARTS, 24, pack_fleet(state.fleet))
    with pytest.raises(StateError):
        unpack_fleet(CHARTS, 1, b"\x93rubbish")
