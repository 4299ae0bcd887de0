"""The usual rules of drift, each window of each feature against training by itself."""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import ks_2samp

from detectors.distances import Histogram, population_stability_index

Floats = NDArray[np.float64]

INDEX_THRESHOLD: Final = 0.2
P_THRESHOLD: Final = 0.05
_DECILES: Final = 10


def stability_index(reference: Floats, window: Floats) -> bool:
    """Alarm where the population stability index over training's deciles exceeds 0.2.

    Args:
        reference: Training, (n_reference,).
        window: (n_rows,).

    Source: Yurdakul, Statistical properties of population stability index, 2018.
    """
    edges = np.quantile(reference, np.arange(1, _DECILES) / _DECILES)
    index = population_stability_index(_counted(reference, edges), _counted(window, edges))
    return index > INDEX_THRESHOLD


def kolmogorov_smirnov(reference: Floats, window: Floats) -> bool:
    """Alarm where the two-sample Kolmogorov-Smirnov test has p < 0.05; arguments as above."""
    return bool(ks_2samp(reference, window).pvalue < P_THRESHOLD)


def _counted(values: Floats, edges: Floats) -> Histogram:
    counts = np.bincount(np.searchsorted(edges, values), minlength=len(edges) + 1)
    return Histogram(edges, counts, float(values.min()), float(values.max()))
