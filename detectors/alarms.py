"""Which charts are alarmed: an alarm comes at the level, and ends below half of it.

What could not be compared leaves its alarm as it is: nothing was seen that could end it.
"""

import numpy as np

from detectors.arrays import Bools, Floats
from detectors.state import OWN, PEERS, DevicePasts
from detectors.steps import SUSPICIOUS


def compared_charts(ratios: Floats, held: Bools) -> Bools:
    """Tell which charts there was something to compare with, a past or peers, (n, 3, K).

    Args:
        ratios: (n, 3, K), towards the level; against peers NaN where there were none.
        held: (n, K), charts whose own past cannot tell.
    """
    compared = np.ones(ratios.shape, np.bool_)
    compared[:, OWN] = ~held
    compared[:, PEERS] = ~np.isnan(ratios[:, PEERS])
    return compared


def alarms(pasts: DevicePasts, ratios: Floats, compared: Bools, lonely: Bools) -> Bools:
    """Return which charts are alarmed after a window, (n, 3, K).

    Args:
        pasts: Before.
        ratios: (n, 3, K), towards the level; 1 is at it.
        compared: (n, 3, K), whether there was something to compare with.
        lonely: (n,), devices that have no peers any more, and so no alarm against them.
    """
    before = pasts.alarmed.reshape(ratios.shape)
    beyond = np.abs(ratios) > np.where(before, np.float32(SUSPICIOUS), np.float32(1.0))
    alarmed: Bools = np.where(compared, beyond, before)
    alarmed[lonely, PEERS] = False
    return alarmed
