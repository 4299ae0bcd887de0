"""Performance without labels, from the histogram of scores: what it is *if the concept holds*.

The bundle's baseline says, for each bin of the score, how often labelled rows of training were
of the positive class, or were right. Counting a window's rows with those shares gives the
performance that the window would have. So it follows a shift of the inputs, and is blind to a
change of what they mean: where the same inputs come to have other labels, it goes on telling
yesterday's figure. Only labels tell that. Beyond the values that training saw, nothing is
known of what scores mean, and no figure is given.

The band holds the performance that labels would show in 95 of 100 windows: it is the chance
of the window's own labels and of training's.

Source: confidence-based performance estimation (CBPE) of NannyML,
    https://nannyml.readthedocs.io/en/stable/how_it_works/performance_estimation.html
"""

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from fleet_server.feedback import roc
from fleet_server.feedback.intervals import NORMAL_QUANTILE, Estimate, Floats, Spread, symmetric

MAX_BEYOND: Final = 0.01
"""Largest share of rows that may lie where training tells nothing."""
MIN_LABELLED: Final = 10
"""A bin with fewer labelled rows of training tells nothing."""

Reason = Literal["no_score", "no_labels", "no_rows", "beyond_reference", "unseen_scores"]

REASONS: Final[dict[Reason, str]] = {
    "no_score": "The model is no classifier whose scores its baseline describes.",
    "no_labels": "The sample that the bundle was compiled with had no labels: compile it with them.",
    "no_rows": "No row was scored.",
    "beyond_reference": "More than 1 % of the rows have a feature beyond the values that training saw.",
    "unseen_scores": "More than 1 % of the rows have scores of which training had hardly any.",
}
"""Why there is no figure."""


@dataclass(frozen=True)
class Calibration:
    """What training's labels say of scores, by bin.

    Args:
        labelled: (n_bins,), labelled rows.
        positive: (n_bins,), of those the rows of the second class; with ``of_predicted``,
            the rows whose class was the predicted one.
        predicted: (n_bins,), 1 where the bin's rows are predicted to be of the second class.
        of_predicted: Whether the score is the confidence in the predicted class, of more than two.
    """

    labelled: Floats
    positive: Floats
    predicted: Floats
    of_predicted: bool


def expect(
    calibration: Calibration | None, counts: Floats, *, rows: int, rows_beyond: int
) -> dict[str, Estimate] | Reason:
    """Estimate the performance on rows without labels.

    Args:
        calibration: Of the bundle; None if its model has no such scores.
        counts: (n_bins,), rows by bin of their score.
        rows: How many rows there are.
        rows_beyond: How many of them have a feature beyond the values that training saw.

    Returns:
        ``accuracy``, and ``auc`` of two classes; or why neither can be told.
    """
    if calibration is None:
        return "no_score"
    if not calibration.labelled.any():
        return "no_labels"
    if not counts.any():
        return "no_rows"
    if rows_beyond > MAX_BEYOND * rows:
        return "beyond_reference"
    known = calibration.labelled >= MIN_LABELLED
    if counts[~known].sum() > MAX_BEYOND * counts.sum():
        return "unseen_scores"
    return _figures(calibration, np.where(known, counts, 0.0))


def _figures(calibration: Calibration, counts: Floats) -> dict[str, Estimate]:
    labelled = np.maximum(calibration.labelled, 1.0)
    positive = calibration.positive / labelled
    right = positive if calibration.of_predicted else np.where(calibration.predicted > 0, positive, 1.0 - positive)
    found = {"accuracy": _accuracy(counts, right, labelled)}
    if not calibration.of_predicted:
        expected = np.stack([counts * (1.0 - positive), counts * positive])
        # the chance of both samples' labels: as if of one with as many rows as the harmonic sum
        trained = float(calibration.labelled.sum())
        area = roc.area(expected[np.newaxis], trained / (trained + float(counts.sum())))
        found |= {"auc": area} if area is not None else {}
    return found


def _accuracy(counts: Floats, right: Floats, labelled: Floats) -> Estimate:
    weights = counts / counts.sum()
    value = float(weights @ right)
    # half a row right and half a row wrong: a bin that was always right is not certain to be
    shrunk = (right * labelled + 0.5) / (labelled + 1.0)
    chance = shrunk * (1.0 - shrunk)
    variance = float(weights @ chance) / float(counts.sum()) + float(weights**2 @ (chance / labelled))
    band = symmetric(value, Spread(variance, 1.0, NORMAL_QUANTILE))
    return Estimate(value, max(band.low, 0.0), min(band.high, 1.0))
