"""The smallest differences that matter: significant but negligible is no drift.

A difference is shortened by its tolerance before it is charted, so that no number of rows
turns a harmless one into an alarm. Where devices are alike and rows independent, the defaults
cost little; where the world meets each device a little differently, raise them.

Source: the tolerance as a null of its own: Potgieter et al., arXiv:2307.11878.
"""

from dataclasses import asdict, dataclass

import numpy as np

from detectors.arrays import Floats


@dataclass(frozen=True)
class Tolerances:
    """By channel: what a device may differ from its own past and its peers without it being drift."""

    location: float = 0.01
    """Training standard deviations."""
    scale: float = 0.005
    """In the cube root of the variance ratio: about a third of the relative difference in variance."""
    low_tail: float = 0.001
    """Share of the rows; so are those that follow."""
    high_tail: float = 0.001
    missing: float = 0.01
    repeats: float = 0.05
    out_of_range: float = 0.01

    def of(self, channels: tuple[str, ...], streams: int) -> Floats:
        """Return the tolerance of each chart of these channels, (channels x streams,)."""
        told = asdict(self)
        return np.repeat([told[channel] for channel in channels], streams)


DEFAULT = Tolerances()
TRAINING = Tolerances(location=0.2, scale=0.06, low_tail=0.01, high_tail=0.01)
"""Of the comparison with training (0.2 is Cohen's small effect): other places and other days are no drift."""
