"""Some of many rows, spread evenly over all."""

import numpy as np
from numpy.typing import NDArray


def evenly(n_rows: int, at_most: int) -> NDArray[np.intp]:
    """Choose row numbers spread evenly over all rows, ascending."""
    return np.unique(np.linspace(0, n_rows - 1, min(n_rows, at_most)).round().astype(np.intp))
