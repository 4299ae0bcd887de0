"""What a shift alone does to the bins of a stream, and to the spread of its normal scores.

Where a distribution is no Gaussian, normal scores lie denser in some places than in others,
so a stream that only shifts seems to spread or to shrink; and since devices have their own
offsets, a shift of all of them seems to change each in another way. The effect follows from
the bins of training: shift its values, count again.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.interpolate import PchipInterpolator
from scipy.special import ndtr, ndtri

from detectors.arrays import Floats, Indices

_STEPS: Final = 33
_REACH: Final = 1.5
"""Training standard deviations that values are shifted by, either way."""


@dataclass(frozen=True, eq=False)
class Shifted:
    """Each of ``S`` streams when its values are shifted, over its location."""

    first: Floats
    """(S,): location at the first step."""
    last: Floats
    """(S,): location at the last step."""
    scale: Floats
    """(S, steps): scale at evenly spaced locations from the first to the last."""
    shares: Floats
    """(S, steps, B): share of the rows in each bin, float32."""

    def scale_at(self, location: Floats) -> Floats:
        """Return the scale at each stream's location, (n, S)."""
        low, part = self._place(location)
        stream = np.arange(len(self.first))
        below, above = self.scale[stream, low], self.scale[stream, low + 1]
        at: Floats = below + part * (above - below)
        return at

    def shares_at(self, location: Floats) -> Floats:
        """Return the bins' shares at each stream's location, (n, S, B)."""
        low, part = self._place(location)
        stream = np.arange(len(self.first))
        below = self.shares[stream, low]
        at: Floats = below + part.astype(np.float32)[..., None] * (self.shares[stream, low + 1] - below)
        return at

    def _place(self, location: Floats) -> tuple[Indices, Floats]:
        steps = self.scale.shape[1] - 1
        place = np.clip((location - self.first) / (self.last - self.first) * steps, 0.0, steps)
        low = np.minimum(place.astype(np.intp), steps - 1)
        return low, place - low


def shift(shares: Floats, edges: Floats, scores: Floats, deviation: Floats) -> Shifted:
    """Shift each stream's training values and see what becomes of its bins.

    Args:
        shares: (S, B), of training.
        edges: (S, B - 1).
        scores: (S, B), normal scores; 0 throughout for a stream without order.
        deviation: (S,), standard deviation in training.
    """
    curves = [_curve(*stream) for stream in zip(shares, edges, scores, deviation, strict=True)]
    ends = np.array([(location[0], location[-1]) for location, _ in curves])
    filled = np.array([filled for _, filled in curves])
    location = np.einsum("stb,sb->st", filled, scores)
    spread = np.einsum("stb,sb->st", filled, scores**2) - location**2
    return Shifted(ends[:, 0], ends[:, 1], np.cbrt(np.maximum(spread, 0.0)) - 1.0, filled.astype(np.float32))


def _curve(shares: Floats, edges: Floats, scores: Floats, deviation: float) -> tuple[Floats, Floats]:
    """Return evenly spaced locations, and the shares of a stream's bins at each of them."""
    if not scores.any() or not deviation:
        return np.linspace(-1.0, 1.0, _STEPS), np.tile(shares, (_STEPS, 1))
    knots, first = np.unique(edges, return_index=True)
    below = np.clip(np.cumsum(shares)[:-1][first], 1e-5, 1.0 - 1e-5)
    # between its bins' edges a stream is taken for a Gaussian one, stretched to fit
    quantiles = PchipInterpolator(knots, ndtri(below), extrapolate=False)
    shifts = np.linspace(-_REACH, _REACH, _STEPS)
    values = np.clip(edges[None, :] - shifts[:, None] * deviation, knots[0], knots[-1])
    ends = np.ones((_STEPS, 1))
    upto = np.maximum.accumulate(ndtr(quantiles(values)), axis=1)
    filled = np.diff(np.concatenate([0.0 * ends, upto, ends], axis=1), axis=1)
    location = filled @ scores
    even = np.linspace(location[0], location[-1], _STEPS)
    return even, np.stack([np.interp(even, location, column) for column in filled.T], axis=1)
