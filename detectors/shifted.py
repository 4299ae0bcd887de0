"""What a shift alone does to the spread of a stream's normal scores.

Where a distribution is no Gaussian, normal scores lie denser in some places than in others,
so a stream that only shifts seems to spread or to shrink; and since devices have their own
offsets, a shift of all of them seems to spread some and to shrink others. The effect follows
from the bins of training: shift its values, count again.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.interpolate import PchipInterpolator
from scipy.special import ndtr, ndtri

from detectors.arrays import Floats

_STEPS: Final = 33
_REACH: Final = 1.5
"""Training standard deviations that values are shifted by, either way."""


@dataclass(frozen=True, eq=False)
class ShiftedScale:
    """The scale of each stream when its values are shifted, over its location."""

    first: Floats
    """(S,): location at the first step."""
    last: Floats
    """(S,): location at the last step."""
    scale: Floats
    """(S, steps): scale at evenly spaced locations from the first to the last."""

    def at(self, location: Floats) -> Floats:
        """Return the scale at each stream's location, (n, S)."""
        steps = self.scale.shape[1] - 1
        place = np.clip((location - self.first) / (self.last - self.first) * steps, 0.0, steps)
        low = np.minimum(place.astype(np.intp), steps - 1)
        stream = np.arange(len(self.first))
        below, above = self.scale[stream, low], self.scale[stream, low + 1]
        at: Floats = below + (place - low) * (above - below)
        return at


def shifted_scale(shares: Floats, edges: Floats, scores: Floats, deviation: Floats) -> ShiftedScale:
    """Shift each stream's training values and see what becomes of location and scale.

    Args:
        shares: (S, B), of training.
        edges: (S, B - 1).
        scores: (S, B), normal scores; 0 throughout for a stream without order.
        deviation: (S,), standard deviation in training.
    """
    shifts = np.linspace(-_REACH, _REACH, _STEPS)
    curves = [_curve(*stream, shifts) for stream in zip(shares, edges, scores, deviation, strict=True)]
    first, last = np.array([curve[0] for curve in curves]), np.array([curve[1] for curve in curves])
    return ShiftedScale(first, last, np.array([curve[2] for curve in curves]))


def _curve(
    shares: Floats, edges: Floats, scores: Floats, deviation: float, shifts: Floats
) -> tuple[float, float, Floats]:
    if not scores.any() or not deviation:
        return -1.0, 1.0, np.zeros(len(shifts))
    knots, first = np.unique(edges, return_index=True)
    below = np.clip(np.cumsum(shares)[:-1][first], 1e-5, 1.0 - 1e-5)
    # between its bins' edges a stream is taken for a Gaussian one, stretched to fit
    quantiles = PchipInterpolator(knots, ndtri(below), extrapolate=False)
    values = np.clip(edges[None, :] - shifts[:, None] * deviation, knots[0], knots[-1])
    moved = ndtr(quantiles(values))
    ends = np.ones((len(shifts), 1))
    filled = np.diff(np.concatenate([0.0 * ends, np.maximum.accumulate(moved, axis=1), ends], axis=1), axis=1)
    location = filled @ scores
    scale = np.cbrt(np.maximum(filled @ scores**2 - location**2, 0.0)) - 1.0
    places = np.linspace(location[0], location[-1], len(shifts))
    return float(location[0]), float(location[-1]), np.interp(places, location, scale)
