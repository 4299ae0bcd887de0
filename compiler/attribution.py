"""How much each feature contributes to the scores, on average over rows of the sample."""

from array import array

import numpy as np
from numpy.typing import NDArray

from compiler.spread import evenly
from device_contract.plan.scorer import PlanScorer

_MAX_ROWS = 2000


def mean_attributions(plan: bytes | memoryview, rows: NDArray[np.float32]) -> tuple[float, ...]:
    """Return the mean absolute contribution of each feature, added up over the explained scores.

    Args:
        plan: A plan.
        rows: The sample, float32 (n_rows, n_features); of more than some thousand rows, some spread evenly.

    Returns:
        One number for each feature; none if the plan explains nothing.
    """
    scorer = PlanScorer(plan)
    if not scorer.n_explained:
        return ()
    chosen = rows[evenly(len(rows), _MAX_ROWS)]
    room = array("d", bytes(8 * (scorer.n_features + 1) * scorer.n_explained))
    contributions = np.frombuffer(room).reshape(scorer.n_features + 1, scorer.n_explained)[:-1]
    total, explained = np.zeros(scorer.n_features), 0
    for row in chosen:
        scorer.explain_into(np.ascontiguousarray(row), room)
        magnitude = np.abs(contributions).sum(axis=1)
        if np.isfinite(magnitude).all():
            total += magnitude
            explained += 1
    return tuple((total / max(explained, 1)).astype(np.float32).astype(np.float64).tolist())
