"""How far the filling of the bins is from what was expected: the device's own past, moved as its group moved.

A common shift moves each device's shares in its own way, by where the device stands; that is
worked out from training's bins first. What else the group did is the median of what is left.
It is not charted, since a movement of the group shows in the other channels.
"""

import numpy as np

from detectors.arrays import Bools, Floats
from detectors.channels import Answers
from detectors.peers import MINIMUM, common
from detectors.reference import Reference
from detectors.residuals import Company, Residuals, accompanied
from detectors.shape import shape_scores
from detectors.state import DevicePasts


def shape_residuals(
    reference: Reference, answers: Answers, pasts: DevicePasts, shifted: Floats, company: Company
) -> tuple[Residuals, Floats]:
    """Compare the shapes, in S charts; a late call knows no movement of bins, so it says nothing of them.

    Args:
        reference: What training says.
        answers: The window's.
        pasts: The devices'.
        shifted: (n, S, B), by how much the common movement of the location moves the shares.
        company: With whom each device is compared.

    Returns:
        The residuals, and the shares with the movement taken off, (n, S, B).
    """
    shares = answers.shares.share
    past = pasts.shares.reshape(shares.shape)
    if company.taken is not None:
        return only_scores(np.full(shares.shape[:2], np.nan), answers.shares.rows > 0.0, company), past
    known = (answers.shares.rows > 0.0) & (pasts.shares_rows > 0.0)
    rest = np.where(known[..., None], shares - past - shifted, 0.0).reshape(pasts.shares.shape)
    others = common_vector(rest, np.repeat(known, shares.shape[2], axis=1), company)
    moved = shifted + others.reshape(shares.shape)
    scores = shape_scores(reference, answers.shares, past + moved, pasts.shares_rows, float(company.tolerance[0]))
    return only_scores(scores, answers.shares.rows > 0.0, company), shares - moved


def common_vector(values: Floats, known: Bools, company: Company) -> Floats:
    """Return the common movement of vectors' components, of the same shape; 0 without company enough."""
    movement = np.zeros_like(values)
    for group in company.places:
        if len(group) >= MINIMUM:
            movement[group] = common(values[group], known[group])
    return movement


def only_scores(scores: Floats, known: Bools, company: Company) -> Residuals:
    """Return residuals that have no unit and no movement to be charted.

    Args:
        scores: (n, charts).
        known: (n, charts), whether the window brings a vector at all.
        company: With whom each device is compared.
    """
    nothing = np.zeros_like(scores)
    return Residuals(scores, scores, scores, nothing, nothing, accompanied(known, company))
