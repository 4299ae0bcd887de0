"""How far vectors are from what was expected: the bins' shares, and the features' correlations.

Their pasts are vectors too. What their groups did is taken off component by component; it is
not charted, since a movement of the group shows in the other channels.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from detectors.arrays import Floats
from detectors.channels import Answers
from detectors.comoments import FEWEST_ROWS, largest, pair_variance, related
from detectors.moderation import FEW_DEVICES
from detectors.peers import MINIMUM, common, spread
from detectors.reference import Reference
from detectors.residuals import Company, Residuals, accompanied
from detectors.shape import shape_scores
from detectors.state import DevicePasts
from detectors.windows import WindowArrays

_CLIPPED: Final = 1e-4


@dataclass(frozen=True, eq=False)
class Vectors:
    """What is learned of a window's vectors: the common movement taken off."""

    shares: Floats
    """(n, S, B)."""
    relations: Floats
    """(n, P)."""
    pair: NDArray[np.intp]
    """(n,): the pair of features whose relation is farthest from what was expected."""


def vector_residuals(
    reference: Reference, answers: Answers, window: WindowArrays, pasts: DevicePasts, company: Company
) -> tuple[Residuals, Vectors]:
    """Compare the vectors, in S + 1 charts.

    A late call knows no movement of vectors, so it says nothing of them.
    """
    shares = answers.shares.share
    past = pasts.shares.reshape(shares.shape)
    known = (answers.shares.rows > 0.0) & (pasts.shares_rows > 0.0)
    step = np.where(known[..., None], shares - past, 0.0)
    moved = _common(step.reshape(len(step), -1), np.repeat(known, shares.shape[2], axis=1), company)
    moved = moved.reshape(shares.shape)
    shape = shape_scores(reference, answers.shares, past + moved, pasts.shares_rows, float(company.tolerance[0]))
    relation, relations, pair = _relations(reference, answers, window, pasts, company)
    score = np.concatenate([shape, relation[:, None]], axis=1)
    vectors = Vectors(shares - moved, relations, pair)
    if company.taken is not None:
        score, vectors = np.full_like(score, np.nan), Vectors(past, pasts.relations, pair)
    nothing = np.zeros_like(score)
    enough = accompanied(~np.isnan(score), company)
    return Residuals(score, score, score, nothing, nothing, enough), vectors


def _relations(
    reference: Reference, answers: Answers, window: WindowArrays, pasts: DevicePasts, company: Company
) -> tuple[Floats, Floats, NDArray[np.intp]]:
    n = len(window.rows)
    if not window.correlations.shape[1] or not (window.related_rows >= FEWEST_ROWS).any():
        return np.full(n, np.nan), pasts.relations, np.zeros(n, np.intp)
    rows, before = window.related_rows, pasts.relations_rows[:, 0]
    value = related(window.correlations)
    known = ((rows >= FEWEST_ROWS) & (before > 0.0))[:, None] & np.ones(value.shape, np.bool_)
    step = np.where(known, value - pasts.relations, 0.0)
    movement = _common(step, known, company)
    variance = pair_variance(reference, answers.correlation, rows)
    variance = variance * (1.0 + rows / np.maximum(before, 1.0))[:, None]
    rest = step - movement
    held = np.sign(rest) * np.maximum(np.abs(rest) - company.tolerance[-1], 0.0)
    score, pair = largest(held / np.sqrt(variance) / _usual(rest / np.sqrt(variance), known))
    return np.where(known[:, 0], score, np.nan), value - movement, pair


def _usual(scores: Floats, known: NDArray[np.bool_]) -> Floats:
    """Return by how much the scores of each pair vary between devices, at least 1, (P,)."""
    if known[:, 0].sum() < FEW_DEVICES:
        return np.ones(scores.shape[1])
    return np.maximum(spread(np.where(known, scores, np.nan)), 1.0)


def _common(values: Floats, known: NDArray[np.bool_], company: Company) -> Floats:
    movement = np.zeros_like(values)
    for group in company.places:
        if len(group) >= MINIMUM:
            movement[group] = common(values[group], known[group])
    return movement
