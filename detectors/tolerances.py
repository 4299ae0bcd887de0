"""The smallest differences that matter: significant but negligible is no drift.

A difference is shortened by its tolerance before it is charted, so that no number of rows
turns a harmless one into an alarm. By default hardly anything is tolerated, and the number of
false alarms is the one that the knob says; where the world meets each device a little
differently from day to day, raise the tolerances, and it is at most that. One number gives
them all: the smallest effect size of interest, in standard deviations.

Sources: Lakens, Equivalence testing for psychological research, 2018, doi:10.1177/2515245918770963;
    the tolerance as a null of its own: Potgieter et al., arXiv:2307.11878.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from detectors.arrays import Floats


@dataclass(frozen=True)
class Tolerances:
    """By channel: what a device may differ from its own past and its peers without it being drift."""

    location: float = 0.0
    """Training standard deviations."""
    scale: float = 0.0
    """In the cube root of the variance ratio: about a third of the relative difference in variance."""
    t2: float = 0.0
    """In the logarithm of the mean; so is Q."""
    q: float = 0.0
    attribution: float = 0.01
    """Of nDCG."""
    low_tail: float = 0.0
    """Share of the rows; so are those that follow."""
    high_tail: float = 0.0
    missing: float = 0.01
    repeats: float = 0.05
    out_of_range: float = 0.01
    shape: float = 0.001
    """Chi-square distance: the squared relative difference of the bins, on average."""
    relations: float = 0.0
    """Of the inverse hyperbolic tangent of a correlation."""

    @classmethod
    def below(cls, size: float) -> "Tolerances":
        """Return the tolerances under which no effect below a size matters, in any channel.

        Args:
            size: In training standard deviations: what a middle may move. A spread may grow by
                about half of it, and a tail by what such a shift and such a spread make of it.
        """
        return cls(
            location=size,
            scale=0.3 * size,
            t2=size,
            q=size,
            attribution=max(0.5 * size, cls.attribution),
            low_tail=0.05 * size,
            high_tail=0.05 * size,
            shape=max(size**2, cls.shape),
            relations=0.5 * size,
        )


def beyond(difference: Floats, tolerance: Floats | float) -> Floats:
    """Return what is left of differences once the part that does not matter is taken off."""
    left: Floats = difference - np.clip(difference, -tolerance, tolerance)
    return left


DEFAULT: Final = Tolerances()
TRAINING: Final = Tolerances.below(0.2)
"""Of the comparison with training (0.2 is Cohen's small effect): other places are no drift."""
