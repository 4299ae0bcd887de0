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

from detectors.arrays import Bools, Floats

_STEPS: Final = 33
_REACH: Final = 1.5
"""Training standard deviations that values are shifted by, either way."""


@dataclass(frozen=True, eq=False)
class Shifted:
    """Each of ``S`` streams when its values are shifted, at evenly spaced locations; float32."""

    first: Floats
    """(S,): location at the first step."""
    last: Floats
    """(S,): location at the last step."""
    scale: Floats
    """(S, steps): scale."""
    inner: Floats
    """(S, steps, B): shares of the inner bins' rows; 0 in other bins."""
    low: Floats
    """(S, steps): share of the rows in the tail below."""
    high: Floats
    """(S, steps): share of those above."""

    def place(self, location: Floats) -> Floats:
        """Return where among the steps each stream's location (n, S) is, from 0 on."""
        steps = self.scale.shape[1] - 1
        place: Floats = np.clip((location - self.first) / (self.last - self.first) * steps, 0.0, steps)
        return place


def at(curves: Floats, place: Floats) -> Floats:
    """Return the value of each stream's curve (S, steps) at a place among the steps, (n, S)."""
    low = np.minimum(place.astype(np.intp), curves.shape[1] - 2)
    stream = np.arange(len(curves))
    below, above = curves[stream, low], curves[stream, low + 1]
    value: Floats = below + (place - low.astype(place.dtype)) * (above - below)
    return value


def shift(
    shares: Floats, edges: Floats, scores: Floats, deviation: Floats, parts: tuple[Bools, Bools, Bools]
) -> Shifted:
    """Shift each stream's training values and see what becomes of its bins.

    Args:
        shares: (S, B), of training.
        edges: (S, B - 1).
        scores: (S, B), normal scores; 0 throughout for a stream without order.
        deviation: (S,), standard deviation in training.
        parts: (S, B) each: the inner bins, those below and those above.
    """
    curves = [_curve(*stream) for stream in zip(shares, edges, scores, deviation, strict=True)]
    first, last = np.array([(location[0], location[-1]) for location, _ in curves]).T
    filled = np.array([filled for _, filled in curves])
    location = np.einsum("stb,sb->st", filled, scores)
    spread = np.einsum("stb,sb->st", filled, scores**2) - location**2
    inner, low, high = (filled * part[:, None] for part in parts)
    inner = inner / np.maximum(inner.sum(axis=2, keepdims=True), 1e-9)
    told = (first, last, np.cbrt(np.maximum(spread, 0.0)) - 1.0, inner, low.sum(axis=2), high.sum(axis=2))
    return Shifted(*(values.astype(np.float32) for values in told))


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
