"""What a common shift does to each device's bins, by where the device stands.

All sensors of a group read a little more today. How much fuller that makes a device's upper
tail depends on the device's own offset: it follows from training's bins, shifted to where the
device usually is and to where the common movement takes it.
"""

from dataclasses import dataclass

import numpy as np

from detectors.arrays import Floats
from detectors.interpolation import differences
from detectors.reference import Reference
from detectors.shifted import at

_LEAST_SHARE = 1e-4
"""Below it training tells no tail's share."""


@dataclass(frozen=True, eq=False)
class CommonShift:
    """What a common shift does to ``n`` devices' ``S`` streams of ``B`` bins."""

    shape: Floats
    """(n, S, B): by how much the inner bins' shares of their rows move."""
    tails: Floats
    """(n, 2 S): the logarithm of the ratio by which low and high tails grow."""


def common_shift(reference: Reference, center: Floats, movement: Floats) -> CommonShift:
    """Shift training's bins.

    Args:
        reference: What training says.
        center: (n, S), location where each device usually is.
        movement: (n, S), common movement of the location.
    """
    shifted = reference.shifted
    before, after = shifted.place(center), shifted.place(center + movement)
    grown = [
        np.log((at(tail, after) + _LEAST_SHARE) / (at(tail, before) + _LEAST_SHARE))
        for tail in (shifted.low, shifted.high)
    ]
    return CommonShift(differences(shifted.inner, before, after), np.concatenate(grown, axis=1))
