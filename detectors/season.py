"""What the phase of a season adds for each device: its own same-hour past.

The common part of a season goes with the peers' median. What is left is a device's own: a
sensor in the afternoon sun. It is learned for the location alone, shrunk towards nothing by
the device's noise, and not used before ``_FEWEST`` windows of that phase were seen.
"""

from dataclasses import replace
from typing import Final

import numpy as np

from detectors.arrays import Bools, Floats
from detectors.state import DevicePasts

_FEWEST: Final = 3.0
_MOST: Final = 60.0


def season_of(pasts: DevicePasts, phase: int, n_measured: int) -> Floats:
    """Return what the phase adds to each measured chart of each device, (n, M)."""
    phases = pasts.season_windows.shape[1]
    added = np.zeros((len(pasts.windows), n_measured))
    if phases > 1:
        streams = pasts.season.shape[1] // phases
        seen = pasts.season_windows[:, [phase]]
        mean = pasts.season[:, phase * streams : (phase + 1) * streams]
        added[:, :streams] = np.where(seen >= _FEWEST, mean * seen / (seen + _FEWEST), 0.0)
    return added


def learn_season(pasts: DevicePasts, phase: int, difference: Floats, learned: Bools) -> DevicePasts:
    """Take a window's differences from the device's mean, (n, S), into its phase of the season."""
    phases = pasts.season_windows.shape[1]
    if phases == 1:
        return pasts
    streams = pasts.season.shape[1] // phases
    season, seen = pasts.season.copy(), pasts.season_windows.copy()
    columns = slice(phase * streams, (phase + 1) * streams)
    seen[:, phase] = np.minimum(seen[:, phase] + 1.0, _MOST)
    step = np.where(learned & ~np.isnan(difference), difference, season[:, columns]) - season[:, columns]
    season[:, columns] += step / seen[:, [phase]]
    return replace(pasts, season=season, season_windows=seen)
