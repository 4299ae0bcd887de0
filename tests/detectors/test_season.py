"""A device's own answer to the day: how soon it is known, and what is not known of it yet."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import chi2

from detectors import DevicePasts, charts_of
from detectors.heterogeneity import variance_between
from detectors.own_past import learn
from detectors.season import learn_season, season_of
from detectors.state import no_pasts
from tests.detectors.windows import gaussian_reference

Floats = NDArray[np.float64]

PHASES = 24
NOISE = 0.05
CHARTS = charts_of(gaussian_reference(3))
STREAMS = CHARTS.n_streams


def waves(devices: int, size: float = 0.1) -> Floats:
    """Draw each device's own course of the day, (devices, phases, streams)."""
    first, second = np.random.default_rng(devices).normal(0.0, size, (2, devices, 1, STREAMS))
    angle = 2.0 * np.pi * np.arange(PHASES)[:, None] / PHASES
    return np.asarray(first * np.cos(angle) + second * np.sin(angle))


def learned(course: Floats, windows: range) -> DevicePasts:
    """Learn windows of the course, with noise."""
    numbers = np.random.default_rng(1)
    pasts = no_pasts(CHARTS, PHASES, len(course))
    center, precision = (np.zeros((len(course), STREAMS)) for _ in range(2))
    for window in windows:
        phase = window % PHASES
        rest = 0.3 + course[:, phase] + numbers.normal(0.0, NOISE, center.shape)
        before, weight = center, np.full(center.shape, NOISE**-2)
        center, precision = learn(center, precision, rest, weight)
        known = np.zeros((2, *pasts.center.shape))
        known[:, :, :STREAMS] = center, precision
        pasts = replace(pasts, center=known[0], precision=known[1])
        pasts = learn_season(pasts, phase, before, rest, weight)
    return pasts


@pytest.mark.parametrize("windows", [range(24), range(36), range(7, 60), range(240)])
def test_what_is_not_known_of_a_wave_is_told(windows: range) -> None:
    course = waves(300)
    pasts = learned(course, windows)
    errors = []
    for phase in (0, 5, 13):
        season = season_of(pasts, phase, np.ones((300, STREAMS)))
        error = 0.3 + course[:, phase] - pasts.center[:, :STREAMS] - season.added
        errors.append(error**2 / (season.variance + 1.0 / pasts.precision[:, :STREAMS]))
        assert season.variance.max() < 0.3 * NOISE**2
    assert np.mean(errors) == pytest.approx(1.0, abs=0.2)


def test_a_part_of_a_day_is_known_where_it_was_seen() -> None:
    course = waves(300)
    pasts = learned(course, range(8))
    seen, unseen = (season_of(pasts, phase, np.ones((300, STREAMS))) for phase in (7, 19))
    assert unseen.variance.mean() > 4.0 * seen.variance.mean()


def test_a_peak_is_learned_after_some_days() -> None:
    course = np.zeros((300, PHASES, STREAMS))
    course[:, 14] = np.random.default_rng(3).normal(0.0, 0.3, (300, STREAMS))
    pasts = learned(course, range(10 * PHASES))
    season = season_of(pasts, 14, np.ones((300, STREAMS)))
    np.testing.assert_allclose(season.added + pasts.center[:, :STREAMS], 0.3 + course[:, 14], atol=0.1)
    assert np.abs(season_of(pasts, 2, np.ones((300, STREAMS))).added).mean() < 0.03


def test_devices_alike_lose_nothing() -> None:
    pasts = learned(np.zeros((300, PHASES, STREAMS)), range(2 * PHASES))
    season = season_of(pasts, 3, np.ones((300, STREAMS)))
    assert season.variance.max() < 0.1 * NOISE**2
    assert np.abs(season.added).max() < 0.5 * NOISE


def test_four_devices_are_enough() -> None:
    course = waves(4)
    pasts = learned(course, range(5 * PHASES))
    season = season_of(pasts, 9, np.ones((4, STREAMS)))
    np.testing.assert_allclose(season.added, course[:, 9], atol=0.05)


def test_a_window_of_a_whole_season_has_none() -> None:
    pasts = no_pasts(CHARTS, 1, 3)
    season = season_of(pasts, 0, np.ones((3, STREAMS)))
    assert not season.added.any()
    assert not season.variance.any()


def test_two_phases_and_streams_that_say_nothing_give_numbers() -> None:
    pasts = no_pasts(CHARTS, 2, 5)
    nothing = np.zeros((5, STREAMS))
    pasts = learn_season(replace(pasts, windows=pasts.windows + 1), 0, nothing, nothing, nothing)
    for phase in (0, 1):
        season = season_of(pasts, phase, np.ones((5, STREAMS)))
        assert np.isfinite(season.added).all()
        assert (season.variance > 0.0).all()


@pytest.mark.parametrize("true", [0.01, 0.05, 0.3])
def test_the_variance_between_devices_is_found_whatever_their_errors(true: float) -> None:
    numbers = np.random.default_rng(4)
    error = np.geomspace(0.001, 0.1, 400)[:, None] ** 2
    estimate = numbers.normal(0.0, np.sqrt(true**2 + error))
    estimate[:4] = 50.0 * true  # these are out of order
    found = variance_between(estimate, error, np.ones(400, np.bool_))[0]
    low, high = chi2.ppf((0.001, 0.999), 150) / 150
    assert low * true**2 < found < 1.3 * high * true**2


def test_without_devices_the_variance_is_the_usual() -> None:
    assert variance_between(np.zeros((0, 1)), np.zeros((0, 1)), np.zeros(0, np.bool_))[0] == pytest.approx(0.05**2)
