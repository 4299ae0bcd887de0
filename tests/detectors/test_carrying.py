import numpy as np
import pytest

from compiler.baseline import build_baseline
from detectors import State, charts_of, empty_state, judge, lay_out, level_for
from detectors.carrying import carry
from detectors.reference import Reference
from device_contract.manifest import Feature, Output
from tests.detectors.windows import gaussian_reference, window_of

OLD = gaussian_reference(2)
DEVICES = 10
OFFSETS = np.linspace(-0.4, 0.4, DEVICES)


def other_reference() -> Reference:
    """A model trained anew: on data that lies elsewhere and spreads twice as far, features in another order."""
    sample = np.random.default_rng(3).normal(0.5, 2.0, size=(20_000, 2)).astype(np.float32)
    names = (Feature(name="sensor-1"), Feature(name="sensor-0"))
    return lay_out(build_baseline(names, (Output(name="score"),), sample, sample[:, :1].astype(np.float64)))


def run(state: State, reference: Reference, windows: range) -> State:
    levels = level_for(0.5, charts_of(reference).n_charts, 30)
    for window in windows:
        rows = np.random.default_rng(window).normal(size=(DEVICES, 300, 2)) + OFFSETS[:, None, None]
        state, told = judge(state, reference, window_of(reference, rows.astype(np.float32)), levels)
        assert (told.words[:, 1] != "drift").all()
    return state


def test_features_keep_their_past_and_outputs_start_anew() -> None:
    new = other_reference()
    before, after = charts_of(OLD), charts_of(new)
    state = run(empty_state(before), OLD, range(12))
    carried = carry(state.pasts, 1, OLD, new)
    # a value's distance from training's mean, in training's own deviations
    expected = (state.pasts.center[:, before.column("sensor-0", "location")] - 0.5) / 2.0
    found = carried.center[:, after.column("sensor-0", "location")]
    np.testing.assert_allclose(found, expected, atol=0.03)
    spread = carried.center[:, after.column("sensor-0", "scale")]
    np.testing.assert_allclose(np.mean(spread), 0.25 ** (1 / 3) - 1.0, atol=0.03)
    outputs = after.output & (after.channel == "location")
    assert (carried.freedom[:, outputs] == 0.0).all()
    assert (carried.training == 0.0).all()
    assert carried.windows.tolist() == state.pasts.windows.tolist()


@pytest.mark.parametrize("gone", ["sensor-9"])
def test_a_new_feature_has_no_past(gone: str) -> None:
    state = run(empty_state(charts_of(OLD)), OLD, range(9))
    sample = np.random.default_rng(3).normal(size=(2000, 1)).astype(np.float32)
    new = lay_out(build_baseline((Feature(name=gone),), (Output(name="score"),), sample, sample.astype(np.float64)))
    carried = carry(state.pasts, 1, OLD, new)
    assert (carried.precision == 0.0).all()


def test_devices_are_not_suspected_because_the_model_was_trained_anew() -> None:
    new = other_reference()
    state = run(empty_state(charts_of(OLD)), OLD, range(12))
    carried = carry(state.pasts, 1, OLD, new)
    fresh = empty_state(charts_of(new))
    run(State(state.devices, state.versions, carried, fresh.fleet), new, range(20, 30))
