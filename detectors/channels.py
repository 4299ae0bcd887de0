"""Every channel of a window, laid out by chart."""

from dataclasses import dataclass

import numpy as np

from detectors.arrays import Floats
from detectors.attribution import attribution
from detectors.comoments import Pairs, pairs
from detectors.counted import Counted, counted
from detectors.location import location
from detectors.projection import projection
from detectors.reference import Reference
from detectors.scale import scale
from detectors.shape import Shares, inner_shares
from detectors.windows import WindowArrays


@dataclass(frozen=True, eq=False)
class Answers:
    """What ``n`` devices' windows answer: ``M`` measured charts, the counted ones, and vectors."""

    value: Floats
    """(n, M)."""
    variance: Floats
    """(n, M): sampling variance of the value; infinite where the window says nothing."""
    counted: Counted
    shares: Shares
    pairs: Pairs | None
    """Of features; None where no device says anything of them."""
    correlation: Floats
    """(n, S): of neighbouring rows."""


def answers(reference: Reference, window: WindowArrays, correlation: Floats) -> Answers:
    """Ask each channel.

    Args:
        reference: What training says.
        window: The devices' windows.
        correlation: (n, S), of neighbouring rows.
    """
    measured = [location(reference, window, correlation), scale(reference, window, correlation)]
    measured += [projection(reference, window), attribution(reference, window)]
    variance = np.concatenate([variance for _, variance in measured], axis=1, dtype=np.float32)
    return Answers(
        value=np.concatenate([value for value, _ in measured], axis=1, dtype=np.float32),
        variance=np.where(window.sound[:, None], variance, np.inf),
        counted=counted(reference, window, correlation),
        shares=inner_shares(reference, window, correlation),
        pairs=pairs(reference, window, correlation),
        correlation=correlation,
    )
