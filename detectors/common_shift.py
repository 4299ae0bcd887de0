"""What a common shift does to each device's bins, by where the device stands.

All sensors of a group read a little more today. How much fuller that makes a device's upper
tail depends on the device's own offset: it follows from training's bins, shifted to where the
device usually is and to where the common movement takes it.
"""

from dataclasses import dataclass

import numpy as np

from detectors.arrays import Floats
from detectors.reference import Reference
from detectors.windows import over_bins, weighted

_LEAST_SHARE = 1e-4
"""Below it training tells no tail's share."""


@dataclass(frozen=True, eq=False)
class CommonShift:
    """Training's bins at two places; ``n`` devices, ``S`` streams, ``B`` bins."""

    before: Floats
    """(n, S, B): shares of the rows where the device usually is."""
    after: Floats
    """(n, S, B): the same after the common movement."""


def common_shift(reference: Reference, center: Floats, movement: Floats) -> CommonShift:
    """Shift training's bins.

    Args:
        reference: What training says.
        center: (n, S), location where each device usually is.
        movement: (n, S), common movement of the location.
    """
    return CommonShift(reference.shifted.shares_at(center), reference.shifted.shares_at(center + movement))


def moved_shape(reference: Reference, shift: CommonShift) -> Floats:
    """Return by how much the inner bins' shares of their rows move, (n, S, B)."""
    inner = reference.inner.astype(np.float32)
    before, after = shift.before * inner, shift.after * inner
    moved: Floats = after / np.maximum(over_bins(after), 1e-9)[..., None]
    moved -= before / np.maximum(over_bins(before), 1e-9)[..., None]
    return moved


def moved_tails(reference: Reference, shift: CommonShift) -> Floats:
    """Return the logarithm of the ratio by which low and high tails grow, (n, 2 S)."""
    before, after = (
        np.concatenate([weighted(shares, tail) for tail in (reference.low, reference.high)], axis=1)
        for shares in (shift.before, shift.after)
    )
    grown: Floats = np.log((after + _LEAST_SHARE) / (before + _LEAST_SHARE))
    return grown
