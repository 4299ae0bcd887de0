"""What a tool got right and wrong on the rows of ``benchmarks.drift.rows``."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.drift.rows import BEFORE, SHIFTED_DEVICES, SHIFTED_FEATURES, Fleet

Alarms = NDArray[np.bool_]
"""(n_devices, BEFORE + AFTER, n_features)."""


@dataclass(frozen=True)
class Outcome:
    """How one tool did on one fleet.

    Attributes:
        fleet: The fleet's name.
        tool: The tool's name.
        false_per_1000: Healthy devices with an alarm, for each 1000 device-windows.
        found: Share of the shifted devices whose shifted features alarmed.
        delay: Median windows from the shift to that alarm; None where less than half were found.
        false_share: Share of the alarmed devices, over the windows after the shift, that are healthy;
            None where none alarmed.
    """

    fleet: str
    tool: str
    false_per_1000: float
    found: float
    delay: float | None
    false_share: float | None


def outcome(fleet: Fleet, tool: str, alarms: Alarms) -> Outcome:
    """Count what a tool got right and wrong."""
    after = alarms[:, BEFORE:]
    before = alarms[:SHIFTED_DEVICES, :BEFORE]
    healthy = np.concatenate([alarms[SHIFTED_DEVICES:].any(axis=2).ravel(), before.any(axis=2).ravel()])
    named = after[:SHIFTED_DEVICES, :, :SHIFTED_FEATURES].any(axis=2)
    delays = np.where(named.any(axis=1), named.argmax(axis=1) + 1.0, np.inf)
    false, true = after[SHIFTED_DEVICES:].any(axis=2).sum(), after[:SHIFTED_DEVICES].any(axis=2).sum()
    delay = float(np.median(delays))
    return Outcome(
        fleet=fleet.name,
        tool=tool,
        false_per_1000=float(1000.0 * healthy.mean()),
        found=float(named.any(axis=1).mean()),
        delay=delay if np.isfinite(delay) else None,
        false_share=float(false / (false + true)) if false + true else None,
    )
