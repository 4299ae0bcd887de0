"""The truth: the original model's scores of the sample."""

import numpy as np
from numpy.typing import NDArray

from compiler.errors import ModelError, SampleError
from compiler.frontends.source import SourceModel
from device_contract.manifest import MAX_OUTPUTS


def score_sample(source: SourceModel, rows: NDArray[np.float32]) -> tuple[NDArray[np.float64], str]:
    """Score the sample with the original model.

    Some models take missing values, and few take infinities: rows that the model refuses
    are left out, and told.

    Args:
        source: The model.
        rows: float32 (n_rows, n_features).

    Returns:
        Scores (n_rows, n_outputs), NaN in the rows left out, and a sentence about them or ``""``.

    Raises:
        ModelError: The model refuses rows of finite numbers, or gives no number for any row, or too many.
        SampleError: No row is left.
    """
    infinite = np.asarray(np.isinf(rows).any(axis=1))
    not_finite = np.asarray(~np.isfinite(rows).all(axis=1))
    nothing: NDArray[np.bool_] = np.zeros_like(infinite)
    attempts = ((nothing, ""), (infinite, "infinities"), (not_finite, "missing or infinite values"))
    for left_out, what in attempts:
        try:
            scores = _score_rows(source, rows, ~left_out)
        except ModelError:
            if what == attempts[-1][1] or not not_finite.any():
                raise
        else:
            break
    if not np.isfinite(scores).all(axis=1).any():
        raise ModelError("the model gives NaN or infinities for every row of the sample: nothing can be proved")
    return scores, f"{left_out.sum()} rows hold {what}, which the model does not take" if left_out.any() else ""


def _score_rows(source: SourceModel, rows: NDArray[np.float32], taken: NDArray[np.bool_]) -> NDArray[np.float64]:
    if not taken.any():
        raise SampleError("every row of the sample holds missing or infinite values, which the model does not take")
    width = source.score(rows[taken][:1]).shape[1]
    if not 0 < width <= MAX_OUTPUTS:
        raise ModelError(f"the model gives {width} numbers for a row, a bundle has 1 to {MAX_OUTPUTS} outputs")
    scores = np.full((len(rows), width), np.nan)
    scores[taken] = source.score(rows[taken])
    return scores
