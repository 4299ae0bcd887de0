"""What the devices of a group have in common, and how far each stands from it.

The median over a group's devices is the common movement: weather, season, a new season's
batch. It bears almost half of the devices being wrong. In a small group each device is
compared with the median of the others, or it would be compared with itself.
"""

from typing import Final

import numpy as np

from detectors.arrays import Bools, Floats, Places

MINIMUM: Final = 4
"""Devices of a group; with three, one broken device moves the median of the other two half the way."""
_SMALL: Final = 50
_SAMPLE: Final = 1000


def without_peers(places: Places, n: int) -> Bools:
    """Tell which of ``n`` devices are in a group that is too small to tell a common movement, (n,)."""
    lonely = np.zeros(n, np.bool_)
    for group in places:
        lonely[group] = len(group) < MINIMUM
    return lonely


def are_enough(known: Bools) -> Bools:
    """Tell in which columns of a group (n, M) enough devices say something to tell a common movement, (M,)."""
    enough: Bools = known.sum(axis=0) >= MINIMUM
    return enough


def common(values: Floats, known: Bools) -> Floats:
    """Return, for each device, the common movement of the others of its group.

    Args:
        values: (n, M), of one group.
        known: (n, M): which of them count.

    Returns:
        (n, M); 0 in columns with fewer than ``MINIMUM`` values.
    """
    if len(values) < MINIMUM:
        return np.zeros(values.shape)
    enough = are_enough(known)
    held = np.where(known, values, np.nan)
    held[:, ~enough] = 0.0
    if len(values) > _SMALL:
        return np.broadcast_to(middle(held), values.shape)
    return np.stack([middle(np.delete(held, row, axis=0)) for row in range(len(held))])


def middle(values: Floats) -> Floats:
    """Return the median over devices (n, M) -> (M,), NaN left out; 0 where all are NaN.

    Of very many devices a thousand stand for all: the median then errs by 4 % of their spread.
    """
    if not len(values):
        return np.zeros(values.shape[1])
    if len(values) > _SAMPLE:
        values = values[:: len(values) // _SAMPLE]
    rows = np.ascontiguousarray(values.T)  # a device's values beside each other are far apart for one chart
    counts = rows.shape[1] - np.count_nonzero(np.isnan(rows), axis=1)
    median = np.zeros(len(rows), rows.dtype)
    for count in np.unique(counts[counts > 0]):
        same = counts == count
        ordered = np.partition(rows[same], count // 2, axis=1)  # NaN last
        high = ordered[:, count // 2]
        low = high if count % 2 else ordered[:, : count // 2].max(axis=1)
        median[same] = (low + high) / 2.0
    return median


def spread(values: Floats) -> Floats:
    """Return the robust standard deviation over devices about 0: 1.4826 times the median distance.

    Args:
        values: (n, M), NaN left out.
    """
    return 1.4826 * middle(np.abs(values))
