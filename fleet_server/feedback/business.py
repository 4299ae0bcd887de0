"""Custom metrics of the application: their means with intervals, and whether they keep their limits; pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from device_contract.sketches.metrics import MetricSketch, merge_metric
from fleet_server.feedback.intervals import Estimate, spread, symmetric
from fleet_server.feedback.units import Source, Unit, Units

State = Literal["no_limits", "too_few", "ok", "below", "above"]
_COUNT, _SUM, _SQUARES = range(3)
_MAX_SUM: Final = 1e150
"""The square of a larger one, on the way to the interval, would leave float64. Devices hold sums to its ends."""


@dataclass(frozen=True)
class Limits:
    """The limits of a metric's mean.

    Args:
        below: A mean below this is too low; None is no limit.
        above: A mean above this is too high; None is no limit.
        minimum_count: With fewer values nothing is said.
    """

    below: float | None = None
    above: float | None = None
    minimum_count: int = 1


@dataclass(frozen=True)
class MetricFigures:
    """What the values of a metric come to.

    Args:
        count: Values.
        mean: Their mean.
        minimum: The smallest.
        maximum: The largest.
        unit: What the interval rests on.
    """

    count: int
    mean: Estimate
    minimum: float
    maximum: float
    unit: Unit


class MetricSums:
    """The values of one metric over many windows."""

    def __init__(self) -> None:
        self._units: Final = Units(3)
        self._all = MetricSketch()

    def add(self, source: Source, values: MetricSketch) -> None:
        """Take in the values of a window."""
        self._all = merge_metric(self._all, values)
        for unit in self._units.of(source):
            np.add(unit, (values.count, values.sum, values.sum_squares), out=unit)

    def figures(self) -> MetricFigures | None:
        """Return what the values come to; None if there are none, or they are too large to add up."""
        units = self._units.stack()
        if not ((np.abs(units[:, _SUM]) <= _MAX_SUM).all() and (units[:, _SQUARES] <= _MAX_SUM**2).all()):
            return None
        count, total, squares = units.sum(axis=0)
        if count == 0:
            return None
        mean = float(total / count)
        variance = max(float(squares / count) - mean**2, 0.0) / max(float(count) - 1.0, 1.0)
        contributions = (units[:, _SUM] - mean * units[:, _COUNT]) / count
        interval = symmetric(mean, spread(variance, contributions))
        return MetricFigures(int(count), interval, self._all.minimum, self._all.maximum, self._units.unit)


def judge(figures: MetricFigures, limits: Limits | None) -> State:
    """Tell whether a metric keeps its limits; the limit itself is kept."""
    if limits is None:
        return "no_limits"
    if figures.count < limits.minimum_count:
        return "too_few"
    if limits.below is not None and figures.mean.value < limits.below:
        return "below"
    return "above" if limits.above is not None and figures.mean.value > limits.above else "ok"


def add_metrics(sums: dict[str, MetricSums], source: Source, metrics: Mapping[str, MetricSketch]) -> None:
    """Take in all metrics of a window, by name."""
    for name, values in metrics.items():
        sums.setdefault(name, MetricSums()).add(source, values)
