"""Verdicts from charts."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from detectors.arrays import Bools, Floats, Indices, Names
from detectors.common_cause import FEWEST_STEPS
from detectors.judgement import Judgement
from detectors.peers import MINIMUM, without_peers
from detectors.state import OWN, PEERS, FleetPast
from detectors.steps import Step

FEW_WINDOWS: Final = "too few windows of this device yet"
FEW_PEERS: Final = "too few devices in its group"
FEW_STEPS: Final = "too few windows of this group yet"


@dataclass(frozen=True, eq=False)
class Charted:
    """How the charts stand after a window; ``n`` devices, ``G`` groups, ``K`` charts."""

    ratios: Floats
    """(n, 3, K)."""
    compared: Bools
    """(n, 3, K)."""
    alarmed: Bools
    """(n, 3, K)."""
    difference: Floats
    """(n, K)."""
    is_learning: Bools
    """(n,)."""
    fleet: FleetPast
    fleet_ratios: Floats
    """(G, K)."""
    movements: Floats
    """(G, K)."""
    pair: Indices
    """(n,): place of the pair of features whose relation is farthest from what was expected."""


def sum_up(step: Step, charted: Charted) -> Judgement:
    """Make the verdicts of a window."""
    ratios, alarmed, fleet_ratios = charted.ratios, charted.alarmed, charted.fleet_ratios
    words, reasons = _words(step, alarmed, charted.is_learning)
    fleet_words, fleet_reasons = _fleet_words(step, charted.fleet, fleet_ratios)
    return Judgement(
        charts=step.charts,
        devices=step.window.devices,
        words=words,
        reasons=reasons,
        severity=np.abs(ratios).max(axis=2).astype(np.float32),
        ratios=ratios.astype(np.float32),
        compared=charted.compared,
        alarmed=alarmed,
        differences=charted.difference.astype(np.float32),
        groups=step.groups,
        fleet_words=fleet_words,
        fleet_reasons=fleet_reasons,
        fleet_severity=np.abs(fleet_ratios).max(axis=1).astype(np.float32),
        fleet_ratios=fleet_ratios.astype(np.float32),
        fleet_alarmed=np.abs(fleet_ratios) > 1.0,
        movement=charted.movements,
        pair=_streams_of(step, charted.pair),
        moving=_by_group(step, [alarmed[group, OWN].mean(axis=0) for group in step.places]).astype(np.float32),
        sizes=np.array([len(group) for group in step.places], np.intp),
    )


def _streams_of(step: Step, pair: Indices) -> Indices | None:
    first, second = step.reference.pairs
    return np.stack([first[pair], second[pair]], axis=1) if len(first) else None


def _by_group(step: Step, rows: list[Floats]) -> Floats:
    """Return the rows of the groups as an array (G, K), also where there is no group."""
    return np.array(rows, np.float64).reshape(len(step.places), step.charts.n_charts)


def _words(step: Step, alarmed: Bools, is_learning: Bools) -> tuple[Names, Names]:
    n = len(step.window.devices)
    lonely = without_peers(step.places, n)
    drifts = np.asarray(alarmed.any(axis=2))
    drifts[lonely, PEERS] = False  # what a late device's alarm was before is told no more
    reasons = np.full((n, 3), "", dtype=np.result_type(step.window.reasons, np.array(FEW_WINDOWS)))
    reasons[is_learning] = FEW_WINDOWS
    reasons[lonely, PEERS] = FEW_PEERS
    words = np.where(drifts, "drift", np.where(reasons != "", "learning", "stable"))
    words[lonely, PEERS] = "no_data"
    unsound = ~step.window.sound
    reasons[drifts] = ""
    words[unsound] = "no_data"
    reasons[unsound] = step.window.reasons[unsound][:, None]
    return words, reasons


def _fleet_words(step: Step, fleet: FleetPast, ratios: Floats) -> tuple[Names, Names]:
    sizes = np.array([len(group) for group in step.places], np.intp)
    rows = np.array([fleet.groups.index(name) for name in step.groups], np.intp)
    is_learning = fleet.steps[rows].max(axis=1) < FEWEST_STEPS
    drifts = (np.abs(ratios) > 1.0).any(axis=1)
    words = np.where(sizes < MINIMUM, "no_data", np.where(drifts, "drift", np.where(is_learning, "learning", "stable")))
    reasons = np.where(sizes < MINIMUM, FEW_PEERS, np.where(is_learning & ~drifts, FEW_STEPS, ""))
    return words, reasons
