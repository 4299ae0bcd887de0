"""Where the model's score lay in the sample, and, if the sample has labels, how often it was right.

What a score is and what the bins hold is told by ``device_contract.score_reference``.
"""

import numpy as np
from numpy.typing import NDArray

from device_contract.score_reference import MAX_SCORE_BINS, ScoreKind, ScoreReference

_SUM_TOLERANCE = 1e-3
"""Some libraries give float32."""
_DECISION = np.float32(0.5)
_TWO_CLASSES = 2


def are_probabilities(scores: NDArray[np.float64]) -> bool:
    """Tell whether the scores of classes, (n_rows, n_classes), add up to 1."""
    return bool((scores >= 0.0).all() and (np.abs(scores.sum(axis=1) - 1.0) < _SUM_TOLERANCE).all())


def refer_scores(
    scores: NDArray[np.float64], *, is_classifier: bool, labels: NDArray[np.float64] | None = None
) -> ScoreReference | None:
    """Summarise the scores of a sample.

    Args:
        scores: The model's outputs, float64 (n_rows, n_outputs).
        is_classifier: Each output belongs to a class.
        labels: The position of each row's class, (n_rows,), NaN where unknown; only of a classifier.

    Returns:
        The table; None if no score is finite.
    """
    kind = _kind(scores, is_classifier=is_classifier)
    score = _score(kind, scores)
    known = np.isfinite(score)
    if not known.any():
        return None
    edges = _edges(score[known], kind)
    bins = np.searchsorted(edges, score, side="right")
    table = ScoreReference(
        kind=kind, edges=tuple(edges.tolist()), counts=_count(bins[known], len(edges), np.ones(int(known.sum())))
    )
    if labels is None or kind == "value":
        return table
    told = known & np.isfinite(labels)
    right = scores[told].argmax(axis=1) if kind == "confidence" else np.ones(int(told.sum()))
    sums = np.bincount(bins[told], weights=score[told].astype(np.float64), minlength=len(edges) + 1)
    return ScoreReference(
        kind=kind,
        edges=table.edges,
        counts=table.counts,
        labelled=_count(bins[told], len(edges), np.ones(int(told.sum()))),
        positive=_count(bins[told], len(edges), (right == labels[told]).astype(np.float64)),
        score_sums=tuple(sums.astype(np.float32).astype(np.float64).tolist()),
    )


def _kind(scores: NDArray[np.float64], *, is_classifier: bool) -> ScoreKind:
    if not is_classifier or scores.shape[1] < _TWO_CLASSES:
        return "value"
    scored = scores[np.isfinite(scores).all(axis=1)]
    return "probability" if are_probabilities(scored) and scores.shape[1] == _TWO_CLASSES else "confidence"


def _score(kind: ScoreKind, scores: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return the score of each row as the device counts it, float32 (n_rows,)."""
    score = scores[:, 1 if kind == "probability" else 0] if kind != "confidence" else scores.max(axis=1)
    with np.errstate(over="ignore"):
        return score.astype(np.float32)


def _edges(score: NDArray[np.float32], kind: ScoreKind) -> NDArray[np.float32]:
    """Return equal shares of the scores; for a probability the nearest edge gives way to the decision's 0.5."""
    shares = np.arange(1, MAX_SCORE_BINS) / MAX_SCORE_BINS
    edges = np.unique(np.quantile(score, shares, method="inverted_cdf"))
    if kind == "probability" and _DECISION not in edges:
        if len(edges) == MAX_SCORE_BINS - 1:
            edges = np.delete(edges, np.abs(edges - _DECISION).argmin())
        edges = np.sort(np.append(edges, _DECISION))
    return edges.astype(np.float32)


def _count(bins: NDArray[np.intp], n_edges: int, rows: NDArray[np.float64]) -> tuple[int, ...]:
    counted = np.bincount(bins, weights=rows, minlength=n_edges + 1)
    return tuple(counted.astype(np.int64).tolist())
