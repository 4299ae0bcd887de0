"""How far a contender's scores are from the training library's."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

Task = Literal["classes", "values", "outliers"]


def compare(scores: NDArray[np.float64], truth: NDArray[np.float64], task: Task) -> tuple[float, int | None]:
    """Compare scores, each (n_rows, n_outputs) or (n_rows,).

    Of two classes some contenders give both scores, some the second only.

    Returns:
        The largest difference, and the rows whose label is another (None for values).
    """
    found, wanted = _columns(scores), _columns(truth)
    if found.shape[1] != wanted.shape[1]:
        found, wanted = found[:, -1:], wanted[:, -1:]
    difference = float(np.abs(found - wanted).max())
    if task == "values":
        return difference, None
    return difference, int((_labels(found, task) != _labels(wanted, task)).sum())


def _columns(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    return scores.reshape(len(scores), -1)


def _labels(scores: NDArray[np.float64], task: Task) -> NDArray[np.intp]:
    if scores.shape[1] > 1:
        highest: NDArray[np.intp] = np.argmax(scores, axis=1)
        return highest
    return np.asarray(scores[:, 0] > (0.5 if task == "classes" else 0.0), np.intp)
