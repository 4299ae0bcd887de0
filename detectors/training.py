"""Does the device see what the model was trained on?

A difference inside the tolerance is "significant but negligible": it is taken off before it
is scored, so that no number of rows turns a harmless difference into an alarm.

Source: the tolerance as a null of its own: Potgieter et al., arXiv:2307.11878.
"""

import numpy as np

from detectors.arrays import Floats
from detectors.channels import Answers
from detectors.counted import CHANNELS, prior_rows, usual_shares
from detectors.design_effect import design_effect
from detectors.reference import Reference
from detectors.shares import share_scores
from detectors.tolerances import TRAINING


def training_scores(reference: Reference, answers: Answers) -> Floats:
    """Return each chart's standard score against training, (n, K); NaN where the window says nothing."""
    s = reference.n_streams
    tolerance = TRAINING.of(("location", "scale"), s)
    beyond = np.sign(answers.value) * np.maximum(np.abs(answers.value) - tolerance, 0.0)
    trained = np.maximum(reference.rows, 1.0)
    known = design_effect(reference.lag1, trained) / trained
    variance = answers.variance + np.concatenate([known, known * (reference.kurtosis - 1.0) / 9.0])
    measured = np.where(np.isfinite(variance), beyond / np.sqrt(variance), np.nan)
    found, usual = answers.counted, usual_shares(reference)
    tolerated = np.minimum(usual + TRAINING.of(CHANNELS, s), 0.999)
    rows = prior_rows(np.tile(trained, len(CHANNELS)), found.trials, found.effect)
    exact = share_scores(found.count, found.trials, tolerated * rows, (1.0 - tolerated) * rows)
    # fewer than usual is no departure: the tolerance counts upwards only
    upwards = np.where(found.trials > 0.0, np.maximum(exact, 0.0), np.nan)
    return np.concatenate([measured, upwards], axis=1)
