"""Parts of a reference that are computed from a baseline once."""

from typing import Any

import numpy as np

from detectors.arrays import Bools, Floats
from device_contract.baseline import Baseline

_NOTHING = 1e-9


def components_of(shares: Floats, scores: Floats) -> tuple[Floats, Floats]:
    """Return the components of the chi-square that location and spread take, (S, B) each.

    They are the scores and their squares, made orthogonal to each other and to a constant
    under the shares, and of length 1.

    Args:
        shares: (S, B), of training; 0 outside the inner bins.
        scores: (S, B), normal scores.
    """
    inner = shares > 0.0
    total = shares / np.maximum(shares.sum(axis=1, keepdims=True), 1e-9)
    first = _unit(total, scores - (total * scores).sum(axis=1, keepdims=True), inner)
    square = scores**2 - (total * scores**2).sum(axis=1, keepdims=True)
    second = square - (total * square * first).sum(axis=1, keepdims=True) * first
    return first, _unit(total, second, inner)


def _unit(shares: Floats, values: Floats, inner: Bools) -> Floats:
    length = np.sqrt((shares * values**2).sum(axis=1, keepdims=True))
    unit: Floats = np.where(inner & (length > _NOTHING), values / np.maximum(length, 1e-9), 0.0)
    return unit


def relations_of(baseline: Baseline) -> dict[str, Any]:
    """Return what the baseline says of all features together, by the reference's fields."""
    projection = baseline.projection
    features = np.array(projection.features if projection is not None else (), np.intp)
    first, second = np.triu_indices(len(features) if baseline.correlations else 0, 1)
    n_features = sum(stream.role == "feature" for stream in baseline.streams)
    means = (projection.t2_mean, projection.q_mean) if projection is not None else (0.0, 0.0)
    lag1 = (projection.t2_lag1_correlation, projection.q_lag1_correlation) if projection is not None else (0.0, 0.0)
    return {
        "projected": np.array(means),
        "projected_lag1": np.array(lag1),
        "pairs": (features[first], features[second]) if len(first) else (first, second),
        "correlations": np.frombuffer(baseline.correlations, "<f4").astype(np.float64),
        "attributions": np.array(baseline.attributions or (0.0,) * n_features),
    }
