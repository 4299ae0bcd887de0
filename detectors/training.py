"""Does the device see what the model was trained on?

Each difference is taken less its tolerance (``tolerances.TRAINING``), and scored with what a
window and the training sample leave unknown.
"""

import numpy as np

from detectors.arrays import Floats
from detectors.channels import Answers
from detectors.charts import Charts
from detectors.comoments import largest, related
from detectors.counted import CHANNELS, prior_rows, usual_shares
from detectors.design_effect import design_effect
from detectors.reference import Reference
from detectors.shape import shape_scores
from detectors.shares import share_scores
from detectors.tolerances import TRAINING, beyond


def training_scores(charts: Charts, reference: Reference, answers: Answers) -> Floats:
    """Return each chart's standard score against training, (n, K); NaN where the window says nothing."""
    tolerance = charts.tolerances(TRAINING)
    m, c = charts.n_measured, charts.n_counted
    return np.concatenate(
        [
            _measured(reference, answers, tolerance[:m]),
            _counted(reference, answers, tolerance[m : m + c]),
            _shape(reference, answers, float(tolerance[m + c])),
            _relations(reference, answers, float(tolerance[-1])),
        ],
        axis=1,
        dtype=np.float32,
    )


def _measured(reference: Reference, answers: Answers, tolerance: Floats) -> Floats:
    trained = np.maximum(reference.rows, 1.0)
    known = design_effect(reference.lag1, trained) / trained
    others = np.zeros(answers.value.shape[1] - 2 * reference.n_streams)
    own = np.concatenate([known, known * (reference.kurtosis - 1.0) / 9.0, others], dtype=np.float32)
    variance = answers.variance + own
    return np.where(np.isfinite(variance), beyond(answers.value, tolerance) / np.sqrt(variance), np.nan)


def _counted(reference: Reference, answers: Answers, tolerance: Floats) -> Floats:
    """Score counts; fewer than usual is no departure, since the tolerance counts upwards only."""
    found, usual = answers.counted, usual_shares(reference)
    tolerated = np.minimum(usual + tolerance, 0.999)
    trained = np.tile(np.maximum(reference.rows, 1.0), len(CHANNELS)).astype(np.float32)
    rows = prior_rows(trained, found.trials, found.effect)
    more = found.count > tolerated * found.trials
    scores = np.where(found.trials > 0.0, np.float32(0.0), np.float32(np.nan))
    scores[more] = share_scores(
        found.count[more], found.trials[more], (tolerated * rows)[more], ((1.0 - tolerated) * rows)[more]
    )
    return np.maximum(scores, 0.0)


def _shape(reference: Reference, answers: Answers, tolerance: float) -> Floats:
    inner = reference.shares * reference.inner
    usual = (inner / np.maximum(inner.sum(axis=1, keepdims=True), 1e-9)).astype(np.float32)
    return shape_scores(reference, answers.shares, usual, reference.rows.astype(np.float32), tolerance)


def _relations(reference: Reference, answers: Answers, tolerance: float) -> Floats:
    pairs = answers.pairs
    if pairs is None:
        return np.full((len(answers.value), 1), np.nan)
    scores = beyond(pairs.value - related(reference.correlations).astype(np.float32), tolerance) / pairs.deviation
    return np.where(pairs.told, largest(scores)[0], np.nan)[:, None]
