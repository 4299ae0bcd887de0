"""How far values are from what was expected: of the device by its past, of all by its peers."""

from typing import Final

import numpy as np

from detectors.arrays import Floats
from detectors.channels import Answers
from detectors.moderation import FEW_DEVICES
from detectors.own_past import expectation
from detectors.peers import common, middle, spread
from detectors.residuals import Company, Residuals, accompanied
from detectors.season import Season
from detectors.state import DevicePasts
from detectors.tolerances import beyond

_UNKNOWN_SPREAD: Final = 0.25
"""Standard deviation between devices' means while too few are known."""
MEDIAN_COST: Final = np.pi / 2.0
"""Variance of a median relative to that of a mean."""


def measured_residuals(
    answers: Answers, pasts: DevicePasts, season: Season, scale: Floats, company: Company
) -> Residuals:
    """Compare the measured charts, ``M`` of them.

    Args:
        answers: The window's.
        pasts: The devices'.
        season: What its phase adds to each device's location.
        scale: (n, M), how many times its sampling variance a stream varies.
        company: With whom each device is compared.
    """
    expected, error = expectation(pasts.center, pasts.precision, between(pasts, scale), scale)
    locations = slice(season.added.shape[1])
    expected[:, locations] += season.added
    error[:, locations] += season.variance
    known = np.isfinite(answers.variance)
    rest = np.where(known, answers.value - expected, 0.0)
    variance = np.where(known, answers.variance, 1.0) + error / scale
    movement, noise = np.zeros_like(rest), np.zeros_like(rest)
    for group in company.places:
        told = known[group]
        movement[group] = common(rest[group], told)
        devices = np.maximum(told.sum(axis=0), 1)
        noise[group] = MEDIAN_COST * middle(np.where(told, variance[group], np.nan)) / devices
    movement = movement if company.taken is None else company.taken
    difference = np.where(known, rest - movement, np.nan)
    deviation = np.sqrt(variance + noise)
    relevant = beyond(difference, company.tolerance)
    company_enough = accompanied(known, company)
    return Residuals(difference / deviation, relevant / deviation, difference, movement, noise * scale, company_enough)


def between(pasts: DevicePasts, scale: Floats) -> Floats:
    """Return the variance of the devices' means in each measured chart, (M,)."""
    known = pasts.precision > 0.0
    error = scale / np.maximum(pasts.precision, 1e-12)
    total = spread(np.where(known, pasts.center, np.nan)) ** 2
    enough = known.sum(axis=0) >= FEW_DEVICES
    scatter = np.maximum(total - middle(np.where(known, error, np.nan)), 0.0)
    return np.where(enough, scatter, np.float32(_UNKNOWN_SPREAD**2))
