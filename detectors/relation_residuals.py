"""How far the features' relations are from what was expected: the device's own past, moved as its group moved."""

from dataclasses import dataclass

import numpy as np

from detectors.arrays import Bools, Floats, Indices
from detectors.channels import Answers
from detectors.comoments import FEWEST_ROWS, largest, pair_variance, related
from detectors.moderation import FEW_DEVICES
from detectors.peers import spread
from detectors.reference import Reference
from detectors.residuals import Company, Residuals
from detectors.shape_residuals import common_vector, only_scores
from detectors.state import DevicePasts
from detectors.tolerances import beyond
from detectors.windows import WindowArrays


@dataclass(frozen=True, eq=False)
class Relations:
    """The relations of ``n`` devices' features."""

    values: Floats
    """(n, P): the common movement taken off."""
    pair: Indices
    """(n,): the pair that is farthest from what was expected."""


def relation_residuals(
    reference: Reference, answers: Answers, window: WindowArrays, pasts: DevicePasts, company: Company
) -> tuple[Residuals, Relations]:
    """Compare the relations, in one chart; in a window that brings none, or a late one, it says nothing.

    Args:
        reference: What training says.
        answers: The window's.
        window: The devices' windows.
        pasts: The devices'.
        company: With whom each device is compared.
    """
    n, rows, before = len(window.rows), window.related_rows, pasts.relations_rows[:, 0]
    if company.taken is not None or not window.correlations.shape[1] or not (rows >= FEWEST_ROWS).any():
        nothing = np.full((n, 1), np.nan)
        return only_scores(nothing, np.zeros((n, 1), np.bool_), company), Relations(
            pasts.relations, np.zeros(n, np.intp)
        )
    value = related(window.correlations)
    known = np.broadcast_to(((rows >= FEWEST_ROWS) & (before > 0.0))[:, None], value.shape)
    step = np.where(known, value - pasts.relations, 0.0)
    movement = common_vector(step, known, company)
    variance = pair_variance(reference, answers.correlation, rows) * (1.0 + rows / np.maximum(before, 1.0))[:, None]
    rest = (step - movement) / np.sqrt(variance)
    held = beyond(rest, company.tolerance[0] / np.sqrt(variance))
    score, pair = largest(held / _usual(rest, known))
    scores = np.where(known[:, :1], score[:, None], np.nan)
    return only_scores(scores, (rows >= FEWEST_ROWS)[:, None], company), Relations(value - movement, pair)


def _usual(scores: Floats, known: Bools) -> Floats:
    """Return by how much the scores of each pair vary between devices, at least 1, (P,)."""
    if known[:, 0].sum() < FEW_DEVICES:
        return np.ones(scores.shape[1])
    return np.maximum(spread(np.where(known, scores, np.nan)), 1.0)
