"""The label of a classifier's scores."""

from collections.abc import Sequence

from device_contract.manifest import Label


def most_probable(labels: Sequence[Label], scores: Sequence[float]) -> Label | None:
    """Return the label of the greatest score, the first of equals.

    Returns:
        ``None`` for a regression, which has no labels, and where a score is NaN.
    """
    if not labels or any(score != score for score in scores):  # noqa: PLR0124  (only NaN differs from itself)
        return None
    return labels[max(range(len(scores)), key=scores.__getitem__)]
