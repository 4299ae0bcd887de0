"""How far counts are from what was expected.

A common movement is added to the expected share; a tail's share is multiplied by it, since
what doubles one device's tail doubles those of all.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from detectors.arrays import Floats
from detectors.counted import N_CHANNELS, N_TAILS, Counted, prior_rows
from detectors.ewma import CAP
from detectors.measured_residuals import MEDIAN_COST
from detectors.peers import MINIMUM, common, middle
from detectors.residuals import Company, Residuals, accompanied
from detectors.shares import share_scores
from detectors.state import DevicePasts

_PRIOR_ROWS: Final = 50.0
"""Rows that training's share weighs in a device's own, at least."""
_PRIOR_SHARE: Final = 0.002
"""Training's share weighs as much as one count that is independent of the others, of a share of this at least."""
_STEADY: Final = 1.0
"""Rows added to both sides of the ratio by which a group's tails moved."""
_HELD: Final = 5.0
"""Standard deviations above its expectation to which a device's count moves its group."""
_FEW_DEVICES: Final = 30
_LEAST_CAP: Final = 3.0
"""What a window's score may always reach, however much its rows cluster."""


def counted_residuals(found: Counted, pasts: DevicePasts, usual: Floats, grown: Floats, company: Company) -> Residuals:
    """Compare the counted charts, ``C`` of them.

    Args:
        found: The window's.
        pasts: The devices'.
        usual: (C,), share in training.
        grown: (n, tails), logarithm of the ratio by which a common shift alone lets each tail grow.
        company: With whom each device is compared.
    """
    prior = np.maximum(_PRIOR_ROWS, found.effect / np.maximum(usual, _PRIOR_SHARE))
    rows = pasts.trials + prior
    share = (pasts.hits + prior * usual) / rows
    movement: Floats = np.zeros_like(share)
    noise = np.zeros_like(share)
    for group in company.places:
        movement[group], noise[group] = _movement(found, share, grown, group)
    movement = movement if company.taken is None else company.taken
    now = moved(share, movement)
    effect = found.effect_at(now)
    worth = prior_rows(1.0 / (effect / rows + _unknown(now, noise)), found.trials, effect)
    told = found.trials > 0.0
    score = np.where(told, _scores(found, now, worth, company.tolerance), np.nan)
    difference = np.where(told, found.count / np.maximum(found.trials, 1.0) - now, np.nan)
    return Residuals(score, score, difference, movement, noise, accompanied(told, company))


def moved(share: Floats, movement: Floats) -> Floats:
    """Return shares (n, C) after a common movement."""
    tails = N_TAILS * (share.shape[1] // N_CHANNELS)
    after = np.concatenate(
        [share[:, :tails] * np.exp(movement[:, :tails]), share[:, tails:] + movement[:, tails:]], axis=1
    )
    limited: Floats = np.clip(after, 1e-6, 0.98)
    return limited


def unmoved(count: Floats, trials: Floats, movement: Floats) -> Floats:
    """Return the counts (n, C) as they would be without the common movement."""
    tails = N_TAILS * (count.shape[1] // N_CHANNELS)
    rest = count[:, tails:] - movement[:, tails:] * trials[:, tails:]
    return np.concatenate(
        [count[:, :tails] * np.exp(-movement[:, :tails]), np.clip(rest, 0.0, trials[:, tails:])], axis=1
    )


def _unknown(now: Floats, noise: Floats) -> Floats:
    """Return what the movement's noise leaves unknown of the moved tails, as part of one row's variance, (n, C)."""
    tails = N_TAILS * (now.shape[1] // N_CHANNELS)
    unknown = np.zeros_like(now)
    unknown[:, :tails] = noise[:, :tails] * now[:, :tails] / (1.0 - now[:, :tails])
    return unknown


def _movement(found: Counted, share: Floats, grown: Floats, group: NDArray[np.intp]) -> tuple[Floats, Floats]:
    """Return how the counts of a group moved, and the sampling variance of that, (devices, C) each."""
    tails = grown.shape[1]
    if len(group) < MINIMUM:
        return np.zeros((len(group), share.shape[1])), np.zeros((len(group), share.shape[1]))
    count, trials, usual = found.count[group], found.trials[group], share[group].copy()
    usual[:, :tails] *= np.exp(grown[group])
    ratio, noise = _ratio(count[:, :tails], (trials * usual)[:, :tails], found.effect[group, :tails])
    step = common(np.where(trials > 0.0, count / np.maximum(trials, 1.0) - usual, 0.0), trials > 0.0)
    # of a few devices hardly a row is expected, and most devices' shares tell more than their sum
    if len(group) < _FEW_DEVICES:
        ratio = np.maximum(ratio, np.log1p(np.maximum(step, 0.0) / np.maximum(usual, 1e-6))[:, :tails])
    devices = np.maximum((trials[:, tails:] > 0.0).sum(axis=0), 1)
    usual, trials = np.clip(usual[:, tails:], 1e-3, 0.5), np.maximum(trials[:, tails:], 1.0)
    noise_of_step = np.broadcast_to(MEDIAN_COST * middle(usual / trials) / devices, usual.shape)
    ratio = ratio + grown[group]
    return np.concatenate([ratio, step[:, tails:]], axis=1), np.concatenate([noise, noise_of_step], axis=1)


def _ratio(count: Floats, usual: Floats, effect: Floats) -> tuple[Floats, Floats]:
    """Return the logarithm of the ratio by which the tails of the others of a group moved, and its variance."""
    now = usual * np.maximum(middle((count + 0.5) / (usual + 0.5)), 1.0)
    # one device's fault is not the group's
    held = np.minimum(count, now + _HELD * np.sqrt((now + 1.0) * effect)) / effect
    usual = usual / effect
    hits = held.sum(axis=0) - held + _STEADY
    return np.log(hits / (usual.sum(axis=0) - usual + _STEADY)), 1.0 / hits


def _scores(found: Counted, usual: Floats, worth: Floats, tolerance: Floats) -> Floats:
    """Return the scores of the counts beyond what does not matter, (n, C)."""
    seen = found.count / np.maximum(found.trials, 1.0)
    matters = (np.abs(seen - usual) > tolerance) & (found.trials > 0.0)
    shifted = np.clip(usual + np.clip(seen - usual, -tolerance, tolerance), 1e-6, 0.98)[matters]
    worth, most = worth[matters], CAP / np.sqrt(found.effect[matters])
    scores = share_scores(found.count[matters], found.trials[matters], shifted * worth, (1.0 - shifted) * worth)
    limit = np.clip(most, _LEAST_CAP, CAP)  # one cluster of rows is no evidence
    told = np.zeros_like(seen)
    told[matters] = np.clip(scores, -limit, limit)
    return told
