"""The smallest differences that matter: significant but negligible is no drift.

A difference is shortened by its tolerance before it is charted, so that no number of rows
turns a harmless one into an alarm. By default hardly anything is tolerated, and the number of
false alarms is the one that the knob says; where the world meets each device a little
differently from day to day, raise the tolerances, and it is at most that.

Source: the tolerance as a null of its own: Potgieter et al., arXiv:2307.11878.
"""

from dataclasses import dataclass
from typing import Final


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


DEFAULT: Final = Tolerances()
TRAINING: Final = Tolerances(
    location=0.2, scale=0.06, t2=0.2, q=0.2, attribution=0.1, low_tail=0.01, high_tail=0.01, shape=0.04, relations=0.1
)
"""Of the comparison with training (0.2 is Cohen's small effect, 0.04 its square): other places are no drift."""
