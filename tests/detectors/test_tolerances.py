"""Differences that do not matter are no drift; larger ones still are."""

import numpy as np
import pytest
from numpy.typing import NDArray

from detectors import Judgement, Tolerances, charts_of, empty_state, judge, level_for
from detectors.tolerances import DEFAULT, beyond
from tests.detectors.windows import gaussian_reference, window_of

REFERENCE = gaussian_reference(3)
CHARTS = charts_of(REFERENCE)
SHIFTED = 3


def told_of(shift: float, tolerances: Tolerances, *, since: int = 12, spread: float = 1.0) -> Judgement:
    """Judge 40 windows of 12 devices, of which one is shifted from a window on."""
    levels = level_for(0.5, CHARTS.n_charts, 30, tolerances=tolerances)
    state = empty_state(CHARTS)
    for window in range(40):
        rows: NDArray[np.float32] = np.random.default_rng(window).normal(size=(12, 1000, 3)).astype(np.float32)
        if window >= since:
            rows[SHIFTED, :, 1] = spread * rows[SHIFTED, :, 1] + shift
        state, told = judge(state, REFERENCE, window_of(REFERENCE, rows), levels)
    return told


@pytest.mark.slow
@pytest.mark.parametrize(("shift", "spread"), [(0.15, 1.0), (0.0, 1.08), (-0.15, 1.08)])
def test_a_small_lasting_difference_is_drift_unless_it_is_tolerated(shift: float, spread: float) -> None:
    assert told_of(shift, DEFAULT, spread=spread).words[SHIFTED, 1] == "drift"
    quiet = told_of(shift, Tolerances.below(0.2), spread=spread)
    assert (quiet.words[:, 1:] == "stable").all()
    assert not quiet.alarmed[:, 1:].any()


def test_a_larger_one_is_found_and_no_other_device_is() -> None:
    found = told_of(0.5, Tolerances.below(0.2))
    assert found.words[SHIFTED, 1] == "drift"
    assert (np.delete(found.words, SHIFTED, axis=0)[:, 1:] == "stable").all()


@pytest.mark.slow
def test_a_device_may_be_apart_a_little_from_its_peers_from_its_first_day() -> None:
    assert told_of(1.0, DEFAULT, since=0).words[SHIFTED, 2] == "drift"
    assert told_of(1.0, Tolerances.below(0.5), since=0).words[SHIFTED, 2] == "stable"
    assert told_of(2.0, Tolerances.below(0.5), since=0).words[SHIFTED, 2] == "drift"


def test_no_size_tolerates_nothing_beyond_the_default() -> None:
    assert Tolerances.below(0.0) == DEFAULT


def test_only_what_is_beyond_the_tolerance_is_left() -> None:
    assert beyond(np.array([-0.3, -0.1, 0.0, 0.2, 0.5]), 0.2).tolist() == pytest.approx([-0.1, 0.0, 0.0, 0.0, 0.3])
