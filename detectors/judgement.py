"""What ``judge`` says: verdicts by device, verdicts by group, and the figures behind them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from detectors.arrays import Bools, Floats, Indices, Names
from detectors.charts import Charts


@dataclass(frozen=True, eq=False)
class Judgement:
    """The verdicts on ``n`` devices in ``G`` groups after a window; ``K`` charts.

    The three verdicts on a device stand in the order of ``detectors.state.KINDS``: against
    training, against its own past, against its peers.
    """

    charts: Charts
    devices: Names
    """(n,)."""
    words: Names
    """(n, 3): ``stable``, ``drift``, ``learning`` or ``no_data``."""
    reasons: Names
    """(n, 3): why it is ``learning`` or ``no_data``; else empty."""
    severity: Floats
    """(n, 3): of the most severe chart; 1 is at its level."""
    ratios: Floats
    """(n, 3, K): each chart's moving average towards its level, with its sign; 1 is at the level, and 0
    where it was compared with no peers."""
    compared: Bools
    """(n, 3, K): whether there was something to compare a chart with, a past or peers."""
    alarmed: Bools
    """(n, 3, K): which charts are alarmed."""
    differences: Floats
    """(n, K): this window's value less what was expected of the device, the common movement
    taken off: of a location in training standard deviations, of a scale in cube roots of the
    variance ratio, of a count the share of rows; NaN where the window says nothing."""
    groups: tuple[str, ...]
    """The groups of the devices that were judged, in order of their names."""
    fleet_words: Names
    """(G,): ``stable``, ``drift``, ``learning``; ``no_data`` with too few devices."""
    fleet_reasons: Names
    """(G,)."""
    fleet_severity: Floats
    """(G,): 1 is at the level."""
    fleet_ratios: Floats
    """(G, K): each chart's common movement towards its level, with its sign."""
    fleet_alarmed: Bools
    """(G, K)."""
    movement: Floats
    """(G, K): the common movement that was taken off (a logarithm for counted charts)."""
    moving: Floats
    """(G, K): share of the group's devices whose chart is alarmed against their own past."""
    sizes: Indices
    """(G,): devices of each group."""
    pair: Indices | None = None
    """(n, 2): the two streams whose relation is farthest from what was expected; None without co-moments."""

    def with_fleet(self, first: "Judgement") -> "Judgement":
        """Return the judgement of late devices, with what the window's first call said of the groups."""
        return replace(
            self,
            groups=first.groups,
            fleet_words=first.fleet_words,
            fleet_reasons=first.fleet_reasons,
            fleet_severity=first.fleet_severity,
            fleet_ratios=first.fleet_ratios,
            fleet_alarmed=first.fleet_alarmed,
            movement=first.movement,
            moving=first.moving,
            sizes=first.sizes,
        )

    def of_groups(self) -> "Judgement":
        """Return what is said of the groups, without the devices."""
        return replace(self, **{name: getattr(self, name)[:0].copy() for name in _BY_DEVICE}, pair=None)


_BY_DEVICE: Final = ("devices", "words", "reasons", "severity", "ratios", "compared", "alarmed", "differences")
_BY_GROUP: Final = (
    "fleet_words",
    "fleet_reasons",
    "fleet_severity",
    "fleet_ratios",
    "fleet_alarmed",
    "movement",
    "moving",
    "sizes",
)


def join_groups(parts: Sequence[Judgement]) -> Judgement:
    """Return what the cohorts of a window say of the groups, without the devices: the first with a group tells."""
    first: dict[str, tuple[Judgement, int]] = {}
    for told in parts:
        for place, name in enumerate(told.groups):
            first.setdefault(name, (told, place))
    names = tuple(sorted(first))
    arrays: dict[str, Any] = {
        field: np.stack([getattr(told, field)[place] for told, place in map(first.__getitem__, names)])
        for field in _BY_GROUP
    }
    at = {name: row for row, name in enumerate(names)}
    devices, moving = np.zeros_like(arrays["sizes"]), np.zeros_like(arrays["moving"])
    for told in parts:
        rows = [at[name] for name in told.groups]
        devices[rows] += told.sizes
        moving[rows] += told.sizes[:, None] * told.moving
    shares = {"sizes": devices, "moving": moving / devices[:, None]}
    return replace(parts[0].of_groups(), groups=names, **arrays | shares)
