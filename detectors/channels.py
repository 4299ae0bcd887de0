"""Every channel of a window, laid out by chart."""

from dataclasses import dataclass

import numpy as np

from detectors.arrays import Floats
from detectors.counted import Counted, counted
from detectors.location import location
from detectors.reference import Reference
from detectors.scale import scale
from detectors.tolerances import Tolerances
from detectors.windows import WindowArrays


@dataclass(frozen=True, eq=False)
class Answers:
    """What ``n`` devices' windows answer: ``M`` measured charts, and the counted ones."""

    value: Floats
    """(n, M)."""
    variance: Floats
    """(n, M): sampling variance of the value; infinite where the window says nothing."""
    tolerance: Floats
    """(M,): differences that do not matter."""
    counted: Counted


def answers(reference: Reference, window: WindowArrays, correlation: Floats, tolerances: Tolerances) -> Answers:
    """Ask each channel.

    Args:
        reference: What training says.
        window: The devices' windows.
        correlation: (n, S), of neighbouring rows.
        tolerances: Differences that do not matter.
    """
    measured = [location(reference, window, correlation), scale(reference, window, correlation)]
    sound = window.sound[:, None]
    return Answers(
        value=np.concatenate([value for value, _ in measured], axis=1),
        variance=np.where(sound, np.concatenate([variance for _, variance in measured], axis=1), np.inf),
        tolerance=tolerances.of(("location", "scale"), reference.n_streams),
        counted=counted(reference, window, correlation, tolerances),
    )
