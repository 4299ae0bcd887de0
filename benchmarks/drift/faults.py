"""What goes wrong, where, and from when on."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Fault:
    """What becomes of a stream.

    Attributes:
        shift: Added to every value, in training standard deviations.
        gain: Every value is multiplied with it.
        mode: Share of the rows that come from a new mode.
        missing: Share of the rows that are lost.
        stuck: Share of the rows, at the end of the window, that repeat one value.
    """

    shift: float = 0.0
    gain: float = 1.0
    mode: float = 0.0
    missing: float = 0.0
    stuck: float = 0.0


HEALTHY: Final = Fault()
MODE_AT: Final = 4.0
"""Where a new mode lies, in training standard deviations."""
MODE_WIDTH: Final = 0.2


@dataclass(frozen=True, eq=False)
class Outbreak:
    """A fault that some streams of some devices have from a window on."""

    fault: Fault
    since: int
    devices: NDArray[np.intp]
    streams: NDArray[np.intp]
    """(devices, streams of each)."""


def outbreak_of(fault: Fault, since: int, shape: tuple[int, int], seed: int, each: int = 3) -> Outbreak:
    """Break ``each`` features of a twentieth of the devices.

    Args:
        fault: What becomes of them.
        since: First window.
        shape: Devices, and features of each.
        seed: Of the features' choice.
        each: Features that break together.
    """
    devices, features = shape
    numbers = np.random.default_rng(seed)
    broken = np.arange(devices // 20)
    streams = np.array([numbers.choice(features, each, replace=False) for _ in broken])
    return Outbreak(fault, since, broken, streams)
