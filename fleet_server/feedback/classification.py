"""Sums over labelled rows of a classifier, and the figures that follow from them.

Everything is a sum over rows, in one flat vector, so windows and devices merge by addition::

    scalars | confusion (true, predicted) | ROC counts (class, 0/1, bin) | calibration (sum, bin)

Confusion is kept up to 64 classes, ROC counts up to 16 (of two classes for the second alone):
beyond that they would outgrow the reports.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fleet_server.feedback import calibration, roc
from fleet_server.feedback.intervals import Estimate, Floats, positive, spread, wilson

MAX_CONFUSED: Final = 64
MAX_CURVES: Final = 16
BINARY: Final = 2

Classes = NDArray[np.intp]


class _Sum(IntEnum):
    """Place of a scalar; *scored* rows are those whose probabilities are known."""

    ROWS = 0
    WEIGHT = 1
    WEIGHT_SQUARES = 2
    CORRECT = 3
    SCORED_WEIGHT = 4
    SCORED_WEIGHT_SQUARES = 5
    LOG_LOSS = 6
    LOG_LOSS_2 = 7
    BRIER = 8
    BRIER_2 = 9


@dataclass(frozen=True)
class Layout:
    """Where things are in the vector of a classifier's sums.

    Args:
        n_classes: How many classes there are.
    """

    n_classes: int

    @property
    def n_confused(self) -> int:
        """Classes in the confusion matrix; 0 without one."""
        return self.n_classes if self.n_classes <= MAX_CONFUSED else 0

    @property
    def curves(self) -> range:
        """Classes that have a curve."""
        if self.n_classes == BINARY:
            return range(1, 2)
        return range(self.n_classes if BINARY < self.n_classes <= MAX_CURVES else 0)

    @property
    def size(self) -> int:
        """Length of the vector."""
        return self._calibration_start + calibration.ROWS_OF_SUMS * calibration.BINS

    def confusion(self, sums: Floats) -> Floats:
        """View (..., true, predicted) weights in (..., ``size``) sums."""
        part = sums[..., len(_Sum) : self._curves_start]
        return part.reshape(*sums.shape[:-1], self.n_confused, self.n_confused)

    def scores(self, sums: Floats) -> Floats:
        """View (..., curve, negative or positive, bin) weights in (..., ``size``) sums."""
        part = sums[..., self._curves_start : self._calibration_start]
        return part.reshape(*sums.shape[:-1], len(self.curves), 2, roc.BINS)

    def calibration(self, sums: Floats) -> Floats:
        """View (..., sum, bin) of the calibration in (..., ``size``) sums."""
        return sums[..., self._calibration_start :].reshape(
            *sums.shape[:-1], calibration.ROWS_OF_SUMS, calibration.BINS
        )

    @property
    def _curves_start(self) -> int:
        return len(_Sum) + self.n_confused**2

    @property
    def _calibration_start(self) -> int:
        return self._curves_start + len(self.curves) * 2 * roc.BINS


def sum_rows(layout: Layout, labels: Classes, predictions: Classes, probabilities: Floats, weights: Floats) -> Floats:
    """Sum labelled rows.

    Args:
        layout: Of the model.
        labels: (n_rows,), true classes.
        predictions: (n_rows,), predicted classes.
        probabilities: (n_rows, n_classes); a row of NaN where they are unknown.
        weights: (n_rows,), positive.

    Returns:
        (``layout.size``,), which merges by addition.
    """
    sums = np.zeros(layout.size)
    sums[_Sum.ROWS] = len(labels)
    sums[_Sum.WEIGHT], sums[_Sum.WEIGHT_SQUARES] = weights.sum(), weights @ weights
    sums[_Sum.CORRECT] = weights @ (labels == predictions)
    if layout.n_confused:
        np.add.at(layout.confusion(sums), (labels, predictions), weights)
    scored = ~np.isnan(probabilities[:, 0])
    if scored.any():
        _sum_scores(layout, sums, labels[scored], probabilities[scored], weights[scored])
    return sums


def estimates(layout: Layout, units: Floats) -> dict[str, Estimate]:
    """Find every figure that these sums define.

    Args:
        layout: Of the model.
        units: (n_units, ``layout.size``), each unit's sums; one unit where only rows are told apart.
    """
    sums = units.sum(axis=0)
    if not sums[_Sum.WEIGHT] > 0.0:
        return {}
    rows = sums[_Sum.WEIGHT] ** 2 / sums[_Sum.WEIGHT_SQUARES]  # what weights leave (Kish, Survey sampling, 1965)
    found = {"accuracy": _share(units[:, _Sum.CORRECT], units[:, _Sum.WEIGHT], float(rows))}
    return found | (_of_scores(layout, units) if sums[_Sum.SCORED_WEIGHT] > 0.0 else {})


def of_classes(layout: Layout, units: Floats) -> list[dict[str, Estimate]]:
    """Find recall and precision of each class that came up, and the area under its curve.

    Args:
        layout: Of the model.
        units: (n_units, ``layout.size``), with some weight.
    """
    sums = units.sum(axis=0)
    confusion = layout.confusion(units)
    rows_by_weight = float(sums[_Sum.WEIGHT] / sums[_Sum.WEIGHT_SQUARES])
    found: list[dict[str, Estimate]] = [{} for _ in range(layout.n_confused)]
    for index, figures in enumerate(found):
        for name, out_of in (("recall", confusion[:, index]), ("precision", confusion[:, :, index])):
            weight = out_of.sum(axis=1)
            if weight.sum() > 0.0:
                figures[name] = _share(confusion[:, index, index], weight, float(weight.sum()) * rows_by_weight)
    for curve, index in enumerate(layout.curves):
        area = _area(layout, units, curve)
        if area is not None:
            found[index]["auc"] = area
    return found


def rows(sums: Floats) -> int:
    """Return how many rows these sums are of."""
    return int(sums[_Sum.ROWS])


def _sum_scores(layout: Layout, sums: Floats, labels: Classes, probabilities: Floats, weights: Floats) -> None:
    sums[_Sum.SCORED_WEIGHT], sums[_Sum.SCORED_WEIGHT_SQUARES] = weights.sum(), weights @ weights
    truth = np.eye(layout.n_classes)[labels]
    # a probability of 0 would cost infinity for ever: it counts as the least that float64 tells from 0 beside 1
    certain = np.clip(probabilities[np.arange(len(labels)), labels], np.finfo(np.float64).eps, 1.0)
    losses = {_Sum.LOG_LOSS: -np.log(certain), _Sum.BRIER: _brier(truth, probabilities)}
    for place, loss in losses.items():
        sums[place], sums[place + 1] = weights @ loss, weights @ loss**2
    scores = layout.scores(sums)
    for curve, index in enumerate(layout.curves):
        bins = roc.bin_of(probabilities[:, index])
        np.add.at(scores[curve], (truth[:, index].astype(np.intp), bins), weights)
    column = np.ones_like(labels) if layout.n_classes == BINARY else probabilities.argmax(axis=1)
    picked = (np.arange(len(labels)), column)
    layout.calibration(sums)[:] = calibration.sum_rows(probabilities[picked], truth[picked], weights)


def _brier(truth: Floats, probabilities: Floats) -> Floats:
    """Return each row's squared error: of the second class where there are two, else of all together."""
    squared = (probabilities - truth) ** 2
    return squared[:, 1] if truth.shape[1] == BINARY else squared.sum(axis=1)


def _of_scores(layout: Layout, units: Floats) -> dict[str, Estimate]:
    sums = units.sum(axis=0)
    rows_by_weight = float(sums[_Sum.SCORED_WEIGHT] / sums[_Sum.SCORED_WEIGHT_SQUARES])
    effective = float(sums[_Sum.SCORED_WEIGHT]) * rows_by_weight
    bins = layout.calibration(units)
    found = {
        "log_loss": _loss(units, _Sum.LOG_LOSS, effective),
        "brier_score": _loss(units, _Sum.BRIER, effective),
        "calibration_error": calibration.expected_error(bins, effective),
        "calibration_bias": calibration.bias(bins, effective),
    }
    area = _area(layout, units, 0) if layout.n_classes == BINARY else None
    return found | ({"auc": area} if area is not None else {})


def _area(layout: Layout, units: Floats, curve: int) -> Estimate | None:
    sums = units.sum(axis=0)
    if not sums[_Sum.SCORED_WEIGHT] > 0.0:
        return None
    return roc.area(layout.scores(units)[:, curve], float(sums[_Sum.SCORED_WEIGHT] / sums[_Sum.SCORED_WEIGHT_SQUARES]))


def _share(hits: Floats, weight: Floats, effective_rows: float) -> Estimate:
    """Bound the share of hits by Wilson's interval.

    Args:
        hits: (n_units,), weight of each unit's hits.
        weight: (n_units,), weight of each unit's rows.
        effective_rows: The rows that weights leave.
    """
    total = float(weight.sum())
    share = min(float(hits.sum()) / total, 1.0)
    found = spread(share * (1.0 - share) / effective_rows, (hits - share * weight) / total)
    return wilson(share, effective_rows / found.effect, found.quantile)


def _loss(units: Floats, place: _Sum, effective_rows: float) -> Estimate:
    sums = units.sum(axis=0)
    weight = sums[_Sum.SCORED_WEIGHT]
    value = float(sums[place] / weight)
    variance = max(float(sums[place + 1] / weight) - value**2, 0.0) / effective_rows
    contributions = (units[:, place] - value * units[:, _Sum.SCORED_WEIGHT]) / weight
    return positive(value, spread(variance, contributions))
