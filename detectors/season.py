"""What the phase of a season adds for each device: its own response to the day.

The common part of a season goes with the peers' median. What is left is a device's own: a
sensor that answers the day a little more than its like, or an hour later, or stands in the
afternoon sun. It is learned for the location alone, in two parts:

1. one wave over the season, whose two coefficients are known once a season has passed;
2. what each phase adds to that, known only after many windows of that phase.

Each part is shrunk towards nothing by how little the devices differ in it and how badly the
device's own is known. What stays unknown is counted as variance of the next window, so that
a season which is not learned yet widens the expectation, and does not alarm.

Source: Laird and Ware, Random-effects models for longitudinal data, 1982, doi:10.2307/2529876.
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from detectors.arrays import Floats
from detectors.heterogeneity import variance_between
from detectors.state import DevicePasts

_MOST: Final = 60.0
"""Windows of a phase after which it forgets as much as it learns."""


@dataclass(frozen=True, eq=False)
class Season:
    """What the season adds to the location of ``n`` devices in ``S`` streams."""

    added: Floats
    """(n, S)."""
    variance: Floats
    """(n, S): of what is not known of it."""


@dataclass(frozen=True, eq=False)
class _Waves:
    """Normal equations of each device's wave, about the mean over the windows that were seen."""

    now: Floats
    """(n, 2): cosine and sine of the phase."""
    squares: Floats
    """(n, 2, 2): over the windows."""
    products: Floats
    """(n, 2, S): of the windows' differences with them."""


def season_of(pasts: DevicePasts, phase: int, scale: Floats) -> Season:
    """Return what the phase adds to each device's location.

    Args:
        pasts: The devices'.
        phase: Of the season.
        scale: (n, S), how many times its sampling variance the location varies.
    """
    streams = scale.shape[1]
    phases = pasts.season_windows.shape[1]
    if phases == 1:
        return Season(np.zeros_like(scale), np.zeros_like(scale))
    seen = pasts.season_windows.astype(np.float64)
    windows = np.maximum(seen.sum(axis=1, keepdims=True), 1.0)
    noise = scale * windows / np.maximum(pasts.precision[:, :streams], 1e-9)
    waves = _waves(pasts.season.reshape(len(seen), phases, streams), seen, phase)
    wave = _shrunk(waves, noise)
    error = noise / np.maximum(seen[:, [phase]], 1e-9)
    rest = pasts.season[:, phase * streams : (phase + 1) * streams] - wave.added
    between = variance_between(rest, error + wave.variance, seen[:, phase] > 0.0)
    keep = between / (between + error)
    variance = (1.0 - keep) ** 2 * wave.variance + keep * error
    return Season((wave.added + keep * rest).astype(scale.dtype), variance.astype(scale.dtype))


def _waves(season: Floats, seen: Floats, phase: int) -> _Waves:
    angle = 2.0 * np.pi * np.arange(seen.shape[1]) / seen.shape[1]
    basis = np.stack([np.cos(angle), np.sin(angle)])
    weighted = seen[:, None, :] * basis
    total = np.maximum(seen.sum(axis=1), 1e-9)[:, None]
    mean = weighted.sum(axis=2) / total
    squares = weighted @ basis.T - total[..., None] * mean[:, :, None] * mean[:, None, :]
    return _Waves(basis[:, phase] - mean, squares, np.matmul(weighted.astype(np.float32), season).astype(np.float64))


def _shrunk(waves: _Waves, noise: Floats) -> Season:
    """Return the wave at the phase, shrunk by what all devices' waves are like."""
    between = _between(waves, noise)
    ridge = noise / between
    first, second = waves.squares[:, 0, [0]] + ridge, waves.squares[:, 1, [1]] + ridge
    mixed = waves.squares[:, 0, [1]]
    cosine, sine = waves.now[:, [0]], waves.now[:, [1]]
    determinant = first * second - mixed**2
    along = (second * cosine - mixed * sine) / determinant, (first * sine - mixed * cosine) / determinant
    added = along[0] * waves.products[:, 0] + along[1] * waves.products[:, 1]
    return Season(added, noise * (along[0] * cosine + along[1] * sine))


def _between(waves: _Waves, noise: Floats) -> Floats:
    """Return the variance of the devices' coefficients, (S,)."""
    squares = np.maximum(np.diagonal(waves.squares, axis1=1, axis2=2), 1e-9)
    known = squares.min(axis=1) > 1.0
    found = [
        variance_between(waves.products[:, part] / squares[:, [part]], noise / squares[:, [part]], known)
        for part in (0, 1)
    ]
    between: Floats = (found[0] + found[1]) / 2.0
    return between


def learn_season(pasts: DevicePasts, phase: int, center: Floats, rest: Floats, weight: Floats) -> DevicePasts:
    """Take a window into its phase of the season.

    Args:
        pasts: After the window was taken into their means.
        phase: Of the season.
        center: (n, S), the devices' means before the window.
        rest: (n, S), the window's location, the common movement taken off.
        weight: (n, S), its reciprocal sampling variance; 0 where it is not to be learned.
    """
    phases = pasts.season_windows.shape[1]
    if phases == 1:
        return pasts
    streams = rest.shape[1]
    seen = pasts.season_windows.copy()
    mean, precision = pasts.center[:, :streams], np.maximum(pasts.precision[:, :streams], 1e-9)
    windows = seen.sum(axis=1, keepdims=True) + 1.0
    # phases are differences from the mean, which moved
    season = pasts.season.reshape(len(seen), phases, streams) - ((mean - center)[:, None, :] * (seen > 0.0)[..., None])
    share = weight * windows / precision
    part = share / np.maximum(seen[:, [phase]] + share, 1e-9)
    season[:, phase] += part * np.where(weight > 0.0, rest - mean - season[:, phase], 0.0)
    seen[:, phase] = np.minimum(seen[:, phase] + share.mean(axis=1), _MOST)
    return replace(pasts, season=season.reshape(pasts.season.shape).astype(np.float32), season_windows=seen)
