"""Has the whole group moved?

The common movement of a group is charted against its own slow mean in the same phase of the
season, and against the size of its own usual steps: weather moves a fleet every day, by what
it usually does. A lasting step alarms while the slow mean catches up.
"""

from dataclasses import replace
from typing import Final

import numpy as np

from detectors.arrays import Floats
from detectors.ewma import as_normal
from detectors.state import BY_GROUP, FleetPast

FEWEST_STEPS: Final = 6.0
_WEIGHT: Final = 0.3
_PRIOR: Final = 2.0
"""Steps that sampling noise is worth as a first guess of their size."""
_WILDEST: Final = 3.0
"""Usual sizes at which a step is held before it is learned from."""
_MOST: Final = 100.0


def with_groups(fleet: FleetPast, names: tuple[str, ...]) -> FleetPast:
    """Return the past with these groups in it."""
    new = tuple(name for name in names if name not in fleet.groups)
    grown = {
        name: np.concatenate([values, np.zeros((len(new), *values.shape[1:]), values.dtype)])
        for name in BY_GROUP
        for values in (getattr(fleet, name),)
    }
    return replace(fleet, groups=fleet.groups + new, **grown)


def take_movement(
    fleet: FleetPast, group: int, phase: int, movement: Floats, noise: Floats
) -> tuple[FleetPast, Floats]:
    """Take in the common movement of one group in one window.

    Args:
        fleet: What the groups had in common before.
        group: The group's place.
        phase: Of the season.
        movement: (K,).
        noise: (K,), its sampling variance; 0 where a chart has no movement.

    Returns:
        The past after it, and the standard scores (K,), 0 while the usual steps are learned.
    """
    known, seen = noise > 0.0, fleet.seen[group, phase]
    level, squares, steps = fleet.level[group, phase], fleet.squares[group], fleet.steps[group]
    step = np.where(known, movement - level, 0.0)
    size = np.sqrt(np.maximum((squares + _PRIOR * noise) / (steps + _PRIOR), noise) + 1e-12)
    told = known & (seen > 0.0) & (steps >= FEWEST_STEPS)
    scores = np.where(told, as_normal(step / size, steps + _PRIOR), 0.0)
    held = np.where(told, np.clip(step, -_WILDEST * size, _WILDEST * size), step)
    fade = np.where(steps >= _MOST, 1.0 - 1.0 / _MOST, 1.0)
    learns = known & (seen > 0.0)
    after = replace(
        fleet,
        level=_with(fleet.level, (group, phase), level + max(_WEIGHT, 1.0 / (seen + 1.0)) * step),
        seen=_with(fleet.seen, (group, phase), seen + 1.0),
        squares=_with(fleet.squares, group, np.where(learns, squares * fade + held**2, squares)),
        steps=_with(fleet.steps, group, np.minimum(steps + learns, _MOST)),
    )
    return after, scores


def _with(values: Floats, place: int | tuple[int, int], value: Floats | float) -> Floats:
    changed = values.copy()
    changed[place] = value
    return changed
