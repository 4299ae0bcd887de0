"""How far a window is from what was expected of its devices, in every chart."""

from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from detectors.arrays import Bools, Floats, Places
from detectors.peers import are_enough


@dataclass(frozen=True, eq=False)
class Company:
    """With whom each device is compared."""

    places: Places
    """The devices that move together, group by group."""
    taken: Floats | None
    """(n, K): their movement as found when the window was first judged; None to find it."""

    tolerance: Floats
    """(K,): differences that do not matter."""

    def charts(self, columns: slice) -> "Company":
        """Return the company in some of the charts."""
        return Company(self.places, None if self.taken is None else self.taken[:, columns], self.tolerance[columns])


@dataclass(frozen=True, eq=False)
class Residuals:
    """Of ``n`` devices in ``K`` charts."""

    score: Floats
    """(n, K): in standard deviations by sampling and by what the past leaves unknown; NaN
    where the window says nothing."""
    relevant: Floats
    """(n, K): the same, once the difference that does not matter is taken off."""
    difference: Floats
    """(n, K): in the chart's own unit."""
    movement: Floats
    """(n, K): the common movement that was taken off, of tails its logarithm."""
    noise: Floats
    """(n, K): the sampling variance of the movement."""
    accompanied: Bools
    """(n, K): whether there was company enough to tell the movement."""

    def with_outputs(self, other: "Residuals", output: Bools) -> "Residuals":
        """Return these, but of the outputs' charts (K,) the other's."""
        names = [field.name for field in fields(Residuals)]
        return Residuals(*(np.where(output, getattr(other, name), getattr(self, name)) for name in names))


def join(*parts: Residuals) -> Residuals:
    """Put the charts of one behind those of the other."""
    joined: dict[str, Any] = {}
    for field in fields(Residuals):
        same = [getattr(part, field.name) for part in parts]
        joined[field.name] = np.concatenate(same, axis=1, dtype=same[0].dtype)
    return Residuals(**joined)


def accompanied(known: Bools, company: Company) -> Bools:
    """Tell for each chart (n, K) whether the devices of its group are enough to tell a common movement."""
    if company.taken is not None:
        return np.ones(known.shape, np.bool_)
    enough = np.zeros(known.shape, np.bool_)
    for group in company.places:
        enough[group] = are_enough(known[group])
    return enough
