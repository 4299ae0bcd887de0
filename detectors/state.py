"""What is kept between windows: each device's own past, and what the fleet has in common.

The past of a device is one row of each array: some floats a chart, no raw window.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from detectors.arrays import Bools, Floats, Names
from detectors.charts import Charts

KINDS: Final = ("training", "own", "peers")
"""The verdicts on a device."""
TRAINING, OWN, PEERS = range(3)


@dataclass(frozen=True, eq=False)
class DevicePasts:
    """The pasts of ``n`` devices: ``K`` charts, of which ``M`` measured and ``C`` counted, ``S`` streams."""

    windows: Floats
    """(n, 1): windows taken in."""
    center: Floats
    """(n, M): precision-weighted mean of the values, the common movement taken off."""
    precision: Floats
    """(n, M): sum of the reciprocal sampling variances in ``center``."""
    hits: Floats
    """(n, C): rows that counted."""
    trials: Floats
    """(n, C): out of how many."""
    squares: Floats
    """(n, K): sum of the squared scores against the own past."""
    freedom: Floats
    """(n, K): how many of them."""
    own: Floats
    """(n, K): moving average of those scores."""
    shares: Floats
    """(n, S B): mean share of each inner bin, the common movement taken off."""
    shares_rows: Floats
    """(n, S): rows in it."""
    relations: Floats
    """(n, P): mean relation of each pair of features."""
    relations_rows: Floats
    """(n, 1): rows in it."""
    apart: Floats
    """(n, K): moving average of the difference from the group's median."""
    apart_rows: Floats
    """(n, 1): sampling variance of that average, as part of that of a window of one row."""
    training: Floats
    """(n, K): moving average of the scores against training."""
    alarmed: Bools
    """(n, 3 K): which charts are alarmed, in the order of ``KINDS``."""
    company: Floats
    """(n, 1): 1 once the device was compared with others of its group, else 0."""
    lag1: Floats
    """(n, S): mean lag-1 correlation."""
    lag1_rows: Floats
    """(n, S): of how many rows."""
    season: Floats
    """(n, P S): mean of the location in each of ``P`` phases of the season, less the device's own mean."""
    season_windows: Floats
    """(n, P): windows in each phase."""

    def select(self, index: NDArray[np.intp] | slice) -> "DevicePasts":
        """Return the pasts of some devices."""
        return DevicePasts(**{name: values[index] for name, values in self.arrays().items()})

    def alarmed_against(self, kind: int) -> Bools:
        """Return which charts are alarmed in one of the comparisons, (n, K): a part of ``alarmed``, no copy."""
        k = self.alarmed.shape[1] // len(KINDS)
        return self.alarmed[:, kind * k : (kind + 1) * k]

    def arrays(self) -> dict[str, Any]:
        """Return the arrays by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


BY_GROUP: Final = ("level", "seen", "squares", "steps")
"""The arrays of a fleet's past that have a row for each group."""


@dataclass(frozen=True, eq=False)
class FleetPast:
    """What the devices of each of ``G`` groups had in common."""

    groups: tuple[str, ...]
    level: Floats
    """(G, P, K): slow mean of the common movement in each phase of the season."""
    seen: Floats
    """(G, P): windows in each phase."""
    squares: Floats
    """(G, K): sum of the squared steps of the common movement away from its level."""
    steps: Floats
    """(G, K): how many of them."""
    echo: Floats
    """(K,): over devices and windows, the sum of each score times the moving average before it."""
    echoes: Floats
    """(K,): how many."""


@dataclass(frozen=True, eq=False)
class State:
    """What ``judge`` takes and gives back: all devices of one model that count with one baseline."""

    devices: Names
    """(n,): each once, in no particular order."""
    versions: Names
    """(n,): the version whose outputs each past tells of."""
    pasts: DevicePasts
    fleet: FleetPast
    phases: int = 1
    """P: windows in a season, 1 where a window spans whole seasons."""


def empty_state(charts: Charts, phases: int = 1) -> State:
    """Return the state before the first window.

    Args:
        charts: Of the baseline.
        phases: Windows in a season, 1 to 24; 1 where a window spans whole seasons.
    """
    none = np.zeros(0, np.str_)
    return State(none, none, no_pasts(charts, phases, 0), _empty_fleet(charts, phases), phases)


def no_pasts(charts: Charts, phases: int, n: int) -> DevicePasts:
    """Return the pasts of ``n`` devices that have just joined."""
    widths = widths_of(charts, phases)
    arrays: dict[str, Any] = {name: np.zeros((n, width), np.float32) for name, width in widths.items()}
    return DevicePasts(**(arrays | {"alarmed": np.zeros((n, widths["alarmed"]), np.bool_)}))


def widths_of(charts: Charts, phases: int) -> Mapping[str, int]:
    """Return how many columns each array of the pasts has."""
    k, m, c, s = charts.n_charts, charts.n_measured, charts.n_counted, charts.n_streams
    return MappingProxyType(
        {
            "windows": 1,
            "center": m,
            "precision": m,
            "hits": c,
            "trials": c,
            "squares": k,
            "freedom": k,
            "own": k,
            "shares": s * charts.n_bins,
            "shares_rows": s,
            "relations": charts.n_pairs,
            "relations_rows": 1,
            "apart": k,
            "apart_rows": 1,
            "training": k,
            "alarmed": len(KINDS) * k,
            "company": 1,
            "lag1": s,
            "lag1_rows": s,
            "season": phases * s,
            "season_windows": phases,
        }
    )


def _empty_fleet(charts: Charts, phases: int) -> FleetPast:
    k = charts.n_charts
    return FleetPast(
        groups=(),
        level=np.zeros((0, phases, k)),
        seen=np.zeros((0, phases)),
        squares=np.zeros((0, k)),
        steps=np.zeros((0, k)),
        echo=np.zeros(k),
        echoes=np.zeros(k),
    )
