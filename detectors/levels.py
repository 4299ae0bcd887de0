"""The level at which charts alarm: from the one knob to standard deviations.

The knob is how many false alarms are expected for each 1000 devices a month. Spread over
the charts of a device and the windows of a month it is the rate of one chart in one window;
the bundle's calibrated table, or the one of Gaussian scores, tells the level of that rate.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from detectors.tolerances import DEFAULT, Tolerances
from device_contract.limits import Limits

DEFAULT_RATE: Final = 0.2
"""Expected false alarms for each 1000 devices a month."""
MONTH_WINDOWS: Final = 30
"""Windows of a month where a window is a day."""
TRAINING_LEVEL: Final = 6.0
FLEET_LEVEL: Final = 6.0
PEERS_ABOVE: Final = 0.5
"""How much higher the peers' level is: the spread between devices need not be Gaussian."""
GAUSSIAN: Final = Limits(
    rates=(1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9, 1e-10),
    families=("own",),
    levels=((3.188, 3.835, 4.384, 4.871, 5.313, 5.722, 6.104, 6.463),),
)
"""Alarms of one chart in one window, where its scores are Gaussian."""


@dataclass(frozen=True)
class Levels:
    """Where each verdict's charts alarm, in standard deviations of their moving averages."""

    own: float
    peers: float
    training: float = TRAINING_LEVEL
    fleet: float = FLEET_LEVEL
    tolerances: Tolerances = DEFAULT
    """Differences that do not matter, against the own past and the peers."""


def level_for(
    rate: float, n_charts: int, windows: float, limits: Limits | None = None, tolerances: Tolerances = DEFAULT
) -> Levels:
    """Return the levels at which so many false alarms are expected.

    Args:
        rate: Expected false verdicts (own past and peers together) for each 1000 devices in
            ``windows`` windows, above 0.
        n_charts: Charts of a device; they count where there are no limits.
        windows: Windows of a month.
        limits: The bundle's calibrated table; None for Gaussian scores.
        tolerances: Differences that do not matter.
    """
    each = rate / 1000.0 / max(windows, 1.0)
    table = limits or GAUSSIAN
    if limits is None:
        each /= max(n_charts, 1)
    level = float(np.interp(-np.log(each), -np.log(table.rates), table.levels[0]))
    return Levels(own=level, peers=level + PEERS_ABOVE, tolerances=tolerances)
