"""Canary and control devices of a rollout, through the divergence gate.

Each device differs from the others for good (``OFFSET_DEVIATION``), all share each hour's weather
(``SHARED_DEVIATION``), and a row's noise has standard deviation 1, the unit of everything.
"""

from collections import Counter
from dataclasses import dataclass
from typing import Final

import numpy as np

from benchmarks.drift.figures import Gate
from fleet_server.rollouts.divergence import DeviceSeries, Floats, Look, Tolerance, looks

ROWS: Final = 60
"""Rows of a device in a window."""
LOOKS: Final = 48
BEFORE: Final = 24
"""Windows before the change."""
OFFSET_DEVIATION: Final = 0.15
SHARED_DEVIATION: Final = 0.1
TOLERANCE: Final = Tolerance(difference=0.02, alpha=0.02, mixture_deviation=0.05)


_REPETITIONS: Final = 2000


@dataclass(frozen=True)
class Rollout:
    """How many devices have the new version, of how many, and by how much it shifts their scores."""

    canaries: int
    devices: int
    shift: float


ROLLOUTS: Final = (
    Rollout(20, 1000, 0.0),
    Rollout(50, 1000, 0.0),
    Rollout(100, 1000, 0.0),
    Rollout(20, 1000, 0.05),
    Rollout(20, 1000, -0.05),
)


def simulate(random: np.random.Generator, rollout: Rollout) -> tuple[DeviceSeries, DeviceSeries]:
    """Draw the canary's and the control's window means."""
    offsets = random.normal(0.0, OFFSET_DEVIATION, rollout.devices)
    before = offsets + random.normal(0.0, (ROWS * BEFORE) ** -0.5, rollout.devices)
    after: Floats = offsets[:, None] + random.normal(0.0, ROWS**-0.5, (rollout.devices, LOOKS))
    after += random.normal(0.0, SHARED_DEVIATION, LOOKS)
    after[: rollout.canaries] += rollout.shift
    canary, control = slice(None, rollout.canaries), slice(rollout.canaries, None)
    return DeviceSeries(before[canary], after[canary]), DeviceSeries(before[control], after[control])


def outcomes(rollout: Rollout, *, repetitions: int, seed: int) -> list[Look]:
    """Return where each of many rollouts ended."""
    random = np.random.default_rng(seed)
    return [looks(*simulate(random, rollout), TOLERANCE)[-1] for _ in range(repetitions)]


def gates(seed: int) -> list[Gate]:
    """Send good versions and bad ones through the gate."""
    found = []
    for rollout in ROLLOUTS:
        ends = Counter(look.verdict for look in outcomes(rollout, repetitions=_REPETITIONS, seed=seed))
        found.append(Gate(rollout.canaries, rollout.devices, rollout.shift, dict(sorted(ends.items()))))
    return found
