"""Rows of a small fleet, some of whose sensors shift: the same for every monitor.

Two fleets. In the *easy* one every row is independent and every device alike: what the usual
tests are made for. The *real* one has what sensors have: each device its own offset, a daily
season, and rows that resemble the ones before. The unit is a stream's standard deviation.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

Floats = NDArray[np.float64]

DEVICES: Final = 20
FEATURES: Final = 6
ROWS: Final = 600
"""In a window of an hour."""
REFERENCE_WINDOWS: Final = 24 * 4
"""Of training: whole days."""
PAST: Final = 24 * 14
"""Windows before the judged ones: two weeks."""
BEFORE: Final = 10
"""Judged windows before the shift."""
AFTER: Final = 20
SHIFTED_DEVICES: Final = 3
SHIFTED_FEATURES: Final = 2
SHIFT: Final = 0.4


@dataclass(frozen=True)
class Fleet:
    """How the rows of a fleet come about.

    Args:
        name: How the results call it.
        offset: Standard deviation of the devices' own offsets.
        season: Amplitude of the daily season.
        correlation: Of neighbouring rows.
    """

    name: str
    offset: float = 0.0
    season: float = 0.0
    correlation: float = 0.0


EASY: Final = Fleet("independent rows, devices alike")
REAL: Final = Fleet("offsets, a daily season, correlated rows", offset=0.15, season=0.3, correlation=0.7)


@dataclass(frozen=True)
class Simulated:
    """What every monitor gets.

    Attributes:
        reference: Rows of training, (REFERENCE_WINDOWS * ROWS, FEATURES).
        rows: (DEVICES, PAST + BEFORE + AFTER, ROWS, FEATURES); the first devices and features shift.
    """

    reference: Floats
    rows: Floats


def simulate(fleet: Fleet, seed: int) -> Simulated:
    """Draw the rows of training and of the fleet."""
    random = np.random.default_rng(seed)
    windows = PAST + BEFORE + AFTER
    reference = _noise(random, fleet, (1, REFERENCE_WINDOWS * ROWS, FEATURES)) + _season(fleet, REFERENCE_WINDOWS)
    rows = _noise(random, fleet, (DEVICES, windows * ROWS, FEATURES)) + _season(fleet, windows)
    rows += random.normal(0.0, 1.0, (DEVICES, 1, FEATURES)) * fleet.offset
    rows[:SHIFTED_DEVICES, (PAST + BEFORE) * ROWS :, :SHIFTED_FEATURES] += SHIFT
    return Simulated(reference[0], rows.reshape(DEVICES, windows, ROWS, FEATURES))


def _noise(random: np.random.Generator, fleet: Fleet, shape: tuple[int, int, int]) -> Floats:
    """Draw first-order autoregressive noise of variance 1 along the second axis."""
    drawn: Floats = random.normal(0.0, 1.0, shape)
    innovation = (1.0 - fleet.correlation**2) ** 0.5
    drawn[:, 1:] *= innovation
    filtered: Floats = lfilter([1.0], [1.0, -fleet.correlation], drawn, axis=1)
    return filtered


def _season(fleet: Fleet, windows: int) -> Floats:
    """Return the season's value for each row, (windows * ROWS, 1); a day is 24 windows."""
    hour = np.arange(windows * ROWS) / ROWS
    return (fleet.season * np.sin(2.0 * np.pi * hour / 24.0))[:, None]
