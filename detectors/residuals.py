"""How far a window is from what was expected of its devices.

The own past gives the expectation, the peers the common movement. To a measured chart's
expectation it is added; a counted chart's is multiplied by it, since what doubles the tails
doubles them for all.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from detectors.arrays import Floats, Places
from detectors.channels import Answers
from detectors.counted import TOLERANCES, Counted, prior_rows
from detectors.ewma import CAP
from detectors.moderation import FEW_DEVICES
from detectors.own_past import expectation
from detectors.peers import MINIMUM, common, middle, spread
from detectors.shares import share_scores
from detectors.state import DevicePasts

_UNKNOWN_SPREAD: Final = 0.25
"""Standard deviation between devices' means while too few are known."""
_PRIOR_ROWS: Final = 50.0
"""Rows that training's share weighs in a device's own, at least."""
_PRIOR_SHARE: Final = 0.002
"""Training's share weighs as much as one count that is independent of the others, of a share of this at least."""
_STEADY: Final = 5.0
"""Rows added to both sides of the ratio by which a group's counts moved."""
_HELD: Final = 5.0
"""Standard deviations above its expectation to which a device's count moves its group."""
_LEAST_CAP: Final = 3.0
"""What a window's score may always reach, however much its rows cluster."""
_MEDIAN_COST: Final = np.pi / 2.0
"""Variance of a median relative to that of a mean."""


@dataclass(frozen=True, eq=False)
class Company:
    """With whom each device is compared."""

    places: Places
    """The devices that move together, group by group."""
    taken: Floats | None
    """(n, K): their movement as found when the window was first judged; None to find it."""

    def charts(self, columns: slice) -> "Company":
        """Return the company in some of the charts."""
        return self if self.taken is None else Company(self.places, self.taken[:, columns])


@dataclass(frozen=True, eq=False)
class Residuals:
    """Of ``n`` devices in ``K`` charts."""

    score: Floats
    """(n, K): in standard deviations by sampling and by what the past leaves unknown; NaN
    where the window says nothing."""
    difference: Floats
    """(n, K): in the chart's own unit."""
    movement: Floats
    """(n, K): the common movement that was taken off, for counted charts its logarithm."""
    noise: Floats
    """(n, K): the sampling variance of the movement."""


def join(first: Residuals, second: Residuals) -> Residuals:
    """Put the charts of one behind those of the other."""
    pairs = ((getattr(first, name), getattr(second, name)) for name in ("score", "difference", "movement", "noise"))
    return Residuals(*(np.concatenate(pair, axis=1) for pair in pairs))


def measured_residuals(
    answers: Answers, pasts: DevicePasts, season: Floats, scale: Floats, company: Company
) -> Residuals:
    """Compare the measured charts, ``M`` of them.

    Args:
        answers: The window's.
        pasts: The devices'.
        season: (n, M), what the phase of the season adds for each device.
        scale: (n, M), how many times its sampling variance a stream varies.
        company: With whom each device is compared.
    """
    expected, error = expectation(pasts.center, pasts.precision, between(pasts, scale), scale)
    known = np.isfinite(answers.variance)
    rest = np.where(known, answers.value - expected - season, 0.0)
    variance = scale * np.where(known, answers.variance, 1.0) + error
    movement, noise = np.zeros_like(rest), np.zeros_like(rest)
    for group in company.places:
        movement[group] = common(rest[group], known[group])
        noise[group] = _MEDIAN_COST * middle(np.where(known[group], variance[group], np.nan)) / len(group)
    movement = movement if company.taken is None else company.taken
    difference = np.where(known, rest - movement, np.nan)
    return Residuals(difference / np.sqrt(variance + noise), difference, movement, noise)


def between(pasts: DevicePasts, scale: Floats) -> Floats:
    """Return the variance of the devices' means in each measured chart, (M,)."""
    known = pasts.precision > 0.0
    error = scale / np.maximum(pasts.precision, 1e-12)
    total = spread(np.where(known, pasts.center, np.nan)) ** 2
    enough = known.sum(axis=0) >= FEW_DEVICES
    return np.where(enough, np.maximum(total - middle(np.where(known, error, np.nan)), 0.0), _UNKNOWN_SPREAD**2)


def counted_residuals(found: Counted, pasts: DevicePasts, usual: Floats, company: Company) -> Residuals:
    """Compare the counted charts, ``C`` of them.

    Args:
        found: The window's.
        pasts: The devices'.
        usual: (C,), share in training.
        company: With whom each device is compared.
    """
    prior = np.maximum(_PRIOR_ROWS, found.effect / np.maximum(usual, _PRIOR_SHARE))
    rows = pasts.trials + prior
    share = (pasts.hits + prior * usual) / rows
    expected = found.trials * share
    movement, noise = np.zeros(share.shape), np.zeros(share.shape)
    for group in company.places:
        movement[group], noise[group] = _ratio(found, expected, group)
    movement = movement if company.taken is None else company.taken
    tolerance = np.repeat(list(TOLERANCES.values()), share.shape[1] // len(TOLERANCES))
    now = share * np.exp(movement)
    up = np.clip(now + tolerance, 1e-6, 0.98)
    worth = prior_rows(rows / found.effect, found.trials, found.effect)
    score = share_scores(found.count, found.trials, up * worth, (1.0 - up) * worth)
    most = np.clip(CAP / np.sqrt(found.effect), _LEAST_CAP, CAP)  # one cluster of rows is no evidence
    score = np.clip(score, np.where(tolerance > 0.0, 0.0, -most), most)
    told = found.trials > 0.0
    difference = np.where(told, found.count / np.maximum(found.trials, 1.0) - now, np.nan)
    return Residuals(np.where(told, score, np.nan), difference, movement, noise)


def _ratio(found: Counted, expected: Floats, group: NDArray[np.intp]) -> tuple[Floats, Floats]:
    """Return the logarithm of the ratio by which the counts of the others of a group moved, and its variance."""
    if len(group) < MINIMUM:
        return np.zeros((len(group), expected.shape[1])), np.zeros((len(group), expected.shape[1]))
    weight = 1.0 / found.effect[group]
    count, usual = found.count[group], expected[group]
    now = usual * np.maximum(middle((count + 0.5) / (usual + 0.5)), 1.0)
    # one device's fault is not the group's
    held = weight * np.minimum(count, now + _HELD * np.sqrt((now + 1.0) * found.effect[group]))
    hits = held.sum(axis=0) - held + _STEADY
    usual = weight * usual
    return np.log(hits / (usual.sum(axis=0) - usual + _STEADY)), 1.0 / hits
