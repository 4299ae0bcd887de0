"""How far the features' relations are from what was expected: the device's own past, moved as its group moved."""

from dataclasses import dataclass

import numpy as np

from detectors.arrays import Bools, Floats, Indices
from detectors.channels import Answers
from detectors.comoments import largest
from detectors.moderation import FEW_DEVICES
from detectors.peers import spread
from detectors.residuals import Company, Residuals
from detectors.shape_residuals import common_vector, only_scores
from detectors.state import DevicePasts
from detectors.tolerances import beyond


@dataclass(frozen=True, eq=False)
class Relations:
    """The relations of ``n`` devices' features."""

    values: Floats
    """(n, P): the common movement taken off."""
    pair: Indices
    """(n,): the pair that is farthest from what was expected."""


def relation_residuals(answers: Answers, pasts: DevicePasts, company: Company) -> tuple[Residuals, Relations]:
    """Compare the relations, in one chart; in a window that brings none, or a late one, it says nothing.

    Args:
        answers: The window's.
        pasts: The devices'.
        company: With whom each device is compared.
    """
    n, before, pairs = len(pasts.windows), pasts.relations_rows, answers.pairs
    if company.taken is not None or pairs is None:
        nothing = np.full((n, 1), np.nan)
        return only_scores(nothing, np.zeros((n, 1), np.bool_), company), Relations(
            pasts.relations, np.zeros(n, np.intp)
        )
    told = pairs.told[:, None]
    known = np.broadcast_to(told & (before > 0.0), pairs.value.shape)
    step = np.where(known, pairs.value - pasts.relations, 0.0)
    movement = common_vector(step, known, company)
    deviation = pairs.deviation * np.sqrt(1.0 + pairs.rows[:, None] / np.maximum(before, 1.0))
    step -= movement
    held = beyond(step, company.tolerance[0]) / deviation
    score, pair = largest(held / _usual(step / deviation, known))
    scores = np.where(known[:, :1], score[:, None], np.nan)
    return only_scores(scores, told, company), Relations(pairs.value - movement, pair)


def _usual(scores: Floats, known: Bools) -> Floats:
    """Return by how much the scores of each pair vary between devices, at least 1, (P,)."""
    if known[:, 0].sum() < FEW_DEVICES:
        return np.ones(scores.shape[1])
    return np.maximum(spread(np.where(known, scores, np.nan)), 1.0)
