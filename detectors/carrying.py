"""Carries devices' pasts over to another baseline: a sensor does not know that the model was trained anew.

What a past says of a location and a spread is in the bins of the old baseline. Both baselines
give a value's normal score, so the score of the old one becomes a value, and that the score of
the new one. What is carried over is less certain than what was learned, and it is learned on.
Counts of lost, repeated and implausible values know no bins. Tails, shapes, relations and
everything against training start anew, and so do the outputs.
"""

from typing import Any, Final

import numpy as np
from scipy.special import ndtri

from detectors.arrays import Floats
from detectors.charts import charts_of
from detectors.reference import Reference
from detectors.state import DevicePasts, no_pasts

CARRIED: Final = ("location", "scale", "missing", "repeats", "out_of_range")
_CERTAINTY: Final = 0.25
"""Of the precision of a center, the share that is left."""
_AROUND: Final = 0.5
"""Normal scores to both sides between which a spread is carried."""


def carry(pasts: DevicePasts, phases: int, old: Reference, new: Reference) -> DevicePasts:
    """Return pasts of the new baseline, of the same devices in the same order.

    Args:
        pasts: Of the old baseline.
        phases: Windows in a season, of both.
        old: The baseline that the pasts belong to.
        new: The baseline to carry them to; features are known by their names.
    """
    before, after = charts_of(old), charts_of(new)
    carried = no_pasts(after, phases, len(pasts.windows))
    told, told_of = carried.arrays(), pasts.arrays()
    for name in ("windows", "company"):
        told[name][:] = told_of[name]
    for feature in new.names[: new.n_features]:
        if feature not in old.names[: old.n_features]:
            continue
        source, target = old.names.index(feature), new.names.index(feature)
        for name in ("lag1", "lag1_rows"):
            told[name][:, target] = told_of[name][:, source]
        for channel in CARRIED:
            _carry_chart(told, told_of, before.column(feature, channel), after.column(feature, channel))
        _carry_counts(told, told_of, (before.n_measured, after.n_measured), feature, (before, after))
        _carry_center(told, told_of, (old, source), (new, target))
    return DevicePasts(**told)


def _carry_chart(told: dict[str, Any], told_of: dict[str, Any], source: int, target: int) -> None:
    for name in ("squares", "freedom", "own"):
        told[name][:, target] = told_of[name][:, source]
    k_before, k_after = told_of["own"].shape[1], told["own"].shape[1]
    told["alarmed"][:, k_after + target] = told_of["alarmed"][:, k_before + source]  # against the own past alone


def _carry_counts(
    told: dict[str, Any], told_of: dict[str, Any], first: tuple[int, int], feature: str, charts: tuple[Any, Any]
) -> None:
    for channel in ("missing", "repeats", "out_of_range"):
        source, target = (chart.column(feature, channel) - start for chart, start in zip(charts, first, strict=True))
        for name in ("hits", "trials"):
            told[name][:, target] = told_of[name][:, source]


def _carry_center(
    told: dict[str, Any], told_of: dict[str, Any], source: tuple[Reference, int], target: tuple[Reference, int]
) -> None:
    (old, one), (new, other) = source, target
    center, spread = told_of["center"][:, one], told_of["center"][:, old.n_streams + one]
    if not (old.ordered[one] and new.ordered[other]):
        return
    around = [_score_of(new, other, _value_of(old, one, center + side)) for side in (-_AROUND, 0.0, _AROUND)]
    stretch = np.maximum((around[2] - around[0]) / (2.0 * _AROUND), 1e-3)
    told["center"][:, other] = around[1]
    told["center"][:, new.n_streams + other] = (1.0 + spread) * stretch ** (2.0 / 3.0) - 1.0
    for first, second in ((one, other), (old.n_streams + one, new.n_streams + other)):
        told["precision"][:, second] = _CERTAINTY * told_of["precision"][:, first]


def _knots(reference: Reference, stream: int) -> tuple[Floats, Floats]:
    edges, first = np.unique(reference.edges[stream], return_index=True)
    below = np.clip(np.cumsum(reference.shares[stream])[:-1][first], 1e-5, 1.0 - 1e-5)
    return edges, ndtri(below)


def _value_of(reference: Reference, stream: int, score: Floats) -> Floats:
    edges, scores = _knots(reference, stream)
    return np.interp(score, scores, edges)


def _score_of(reference: Reference, stream: int, value: Floats) -> Floats:
    edges, scores = _knots(reference, stream)
    return np.interp(value, edges, scores)
