"""The leaves of an ensemble of trees as boxes: what a row has to be like to reach each of them. Pure."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]
Indices = NDArray[np.intp]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Boxes:
    """All leaves, and the sides of their boxes: an interval for each feature on a leaf's path.

    Attributes:
        base: What the trees start from, (n_scores,).
        divisor: What their sum is divided by, before the base that it holds is added to.
        values: Of each leaf, (n_leaves, n_scores).
        leaf: The leaf of each side, ascending, (n_sides,).
        feature: The feature of each side, (n_sides,).
        low: A value has to be above, (n_sides,); NaN where there is no bound.
        high: A value must not be above, (n_sides,); NaN where there is no bound.
        missing: Whether NaN passes, (n_sides,).
    """

    base: Floats
    divisor: float
    values: Floats
    leaf: Indices
    feature: Indices
    low: Singles
    high: Singles
    missing: Flags

    @property
    def n_scores(self) -> int:
        """Scores that the trees give."""
        return int(self.values.shape[1])

    @cached_property
    def longest_path(self) -> int:
        """The most features on one path."""
        return int(np.bincount(self.leaf, minlength=1).max())

    def inside(self, row: Singles) -> Flags:
        """Tell for each side whether a row's value lies within, (n_sides,)."""
        value = row[self.feature]
        # No number is beyond a bound that is NaN.
        return np.where(np.isnan(value), self.missing, ~(value <= self.low) & ~(value > self.high))

    def count(self, sides: Flags) -> Indices:
        """Count some sides of each leaf, (n_leaves,)."""
        return np.bincount(self.leaf[sides], minlength=len(self.values))

    def any_of(self, sides: Flags) -> Flags:
        """Tell of each leaf whether one of its sides is among these, (n_leaves,)."""
        return self.count(sides) > 0

    def total(self, leaves: Flags) -> Floats:
        """Add up the values of some leaves, (n_scores,)."""
        return np.asarray(self.values[leaves].sum(axis=0))

    def score(self, row: Singles) -> Floats:
        """Return the raw scores of a row, (n_scores,)."""
        return self.base + self.total(~self.any_of(~self.inside(row))) / self.divisor
