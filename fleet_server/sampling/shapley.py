"""Exact Shapley values of a score: what each feature adds to it, against a background of rows. Pure.

The game is the interventional one: features outside a coalition take the values of a background
row, and the worth of a coalition is the mean score over the background. For a matrix that is a
formula, for trees a sum over leaves, for any other model with few features all coalitions
are scored. Contributions and the expected score add up to the row's score.

Source: L. S. Shapley, A value for n-person games, 1953; S. Lundberg and S.-I. Lee, A unified
approach to interpreting model predictions, NeurIPS 2017, https://arxiv.org/abs/1705.07874.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import comb
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fleet_server.sampling.boxes import Boxes

Rows = NDArray[np.float32]
Floats = NDArray[np.float64]
MAX_ENUMERATED: Final = 16
"""Features of which all coalitions are scored."""
MAX_SCORED_ROWS: Final = 1 << 20


@dataclass(frozen=True)
class Explanation:
    """A row's scores, divided among its features.

    Attributes:
        contributions: (n_features, n_scores).
        expected: The mean scores of the background, (n_scores,).
        background_rows: How many rows that mean is over.
    """

    contributions: Floats
    expected: Floats
    background_rows: int


def of_matrix(weights: Floats, base: Floats, row: Rows, background: Rows) -> Explanation:
    """Explain ``base + weights @ row``.

    Args:
        weights: (n_scores, n_features).
        base: (n_scores,).
        row: (n_features,).
        background: (n_background, n_features).
    """
    mean = background.mean(axis=0, dtype=np.float64)
    contributions = weights.T * (row.astype(np.float64) - mean)[:, None]
    return Explanation(contributions, base + weights @ mean, len(background))


def of_trees(boxes: Boxes, row: Rows, background: Rows) -> Explanation:
    """Explain a sum of trees.

    A leaf is a box: it is worth its value if every feature on its path lies inside. Against one
    background row, features of which only the row's value is inside have to be in a coalition
    (there are p of them), those of which only the background's is have to be out of it (q);
    where neither is, the leaf is never reached. By symmetry each of the p has the value
    times (p-1)! q! / (p+q)!, and each of the q minus the value times p! (q-1)! / (p+q)!.

    Source: S. Lundberg et al., From local explanations to global understanding with explainable
    AI for trees, Nature Machine Intelligence 2, 2020, https://doi.org/10.1038/s42256-019-0138-9;
    G. Laberge and Y. Pequignot, Understanding interventional TreeSHAP, 2022,
    https://arxiv.org/abs/2209.15123.

    Args:
        boxes: The leaves.
        row: (n_features,).
        background: (n_background, n_features).
    """
    shares = np.zeros(len(boxes.feature))
    expected = np.zeros(boxes.n_scores)
    weights = _weights(boxes.longest_path)
    row_inside = boxes.inside(row)
    for other in background:
        other_inside = boxes.inside(other)
        needed, excluded = row_inside & ~other_inside, other_inside & ~row_inside
        is_reached = ~boxes.any_of(~(row_inside | other_inside))
        p, q = boxes.count(needed), boxes.count(excluded)
        gain, loss = np.where(is_reached, weights[p, q], 0.0), np.where(is_reached, weights[q, p], 0.0)
        shares += needed * gain[boxes.leaf] - excluded * loss[boxes.leaf]
        expected += boxes.total(~boxes.any_of(~other_inside))
    contributions = np.zeros((len(row), boxes.n_scores))
    np.add.at(contributions, boxes.feature, shares[:, None] * boxes.values[boxes.leaf])
    n = len(background)
    return Explanation(contributions / (n * boxes.divisor), boxes.base + expected / (n * boxes.divisor), n)


def by_enumeration(score: Callable[[Rows], Floats], row: Rows, background: Rows) -> Explanation:
    """Explain any model of at most ``MAX_ENUMERATED`` features by scoring all their coalitions.

    Args:
        score: Scores rows, (n_rows, n_features), as (n_rows, n_scores).
        row: (n_features,).
        background: (n_background, n_features); as many as ``MAX_SCORED_ROWS`` allows are used.
    """
    n = len(row)
    coalitions = np.arange(1 << n)
    members = (coalitions[:, None] >> np.arange(n) & 1).astype(bool)
    used = background[: max(1, MAX_SCORED_ROWS >> n)]
    worth = np.mean([score(np.where(members, row, other)) for other in used], axis=0)
    sizes = members.sum(axis=1)
    weights = np.array([1 / (n * comb(n - 1, size)) for size in range(n)])
    contributions = np.empty((n, worth.shape[1]))
    for feature in range(n):
        without = ~members[:, feature]
        gains = worth[coalitions[without] | 1 << feature] - worth[without]
        contributions[feature] = weights[sizes[without]] @ gains
    return Explanation(contributions, worth[0], len(used))


def _weights(longest: int) -> Floats:
    """Return ``(p-1)! q! / (p+q)!`` for p and q up to the longest path; 0 where p is 0."""
    weights = np.zeros((longest + 1, longest + 1))
    for p in range(1, longest + 1):
        for q in range(longest + 1 - p):
            weights[p, q] = 1 / ((p + q) * comb(p + q - 1, q))
    return weights
