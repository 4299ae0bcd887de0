"""How much a row tells of the next one."""

import numpy as np
from numpy.typing import NDArray


def lag1_correlation(values: NDArray[np.float64]) -> float:
    """Return the correlation of neighbours that are both finite; 0 when it is not defined.

    The same estimate as ``device_contract.sketches.StreamSketch.lag1_correlation``.

    Args:
        values: float64 (n_rows,), in the order of time.
    """
    deviations = values - values[np.isfinite(values)].mean() if np.isfinite(values).any() else values
    before, after = deviations[:-1], deviations[1:]
    both = np.isfinite(before) & np.isfinite(after)
    variance = float(np.mean(np.square(deviations[np.isfinite(deviations)]))) if both.any() else 0.0
    if not variance > 0.0:
        return 0.0
    return float(np.clip(np.mean(before[both] * after[both]) / variance, -1.0, 1.0))
