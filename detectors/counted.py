"""The channels of counts: tails, missing values, repeated values, implausible values.

Each gives, for every stream, how many rows are meant and out of how many, in effective rows.
"""

from typing import Final

import numpy as np

from detectors.arrays import Floats
from detectors.design_effect import design_effect
from detectors.reference import Reference
from detectors.windows import WindowArrays

TOLERANCES: Final = {"tails": 0.0, "missing": 0.01, "repeats": 0.05, "out_of_range": 0.01}
"""Share of the rows by which each may grow before it counts as unusual."""


def counted(reference: Reference, window: WindowArrays, correlation: Floats) -> tuple[Floats, Floats]:
    """Return the counts and their trials, in effective rows.

    Args:
        reference: What training says.
        window: The devices' windows.
        correlation: (n, S), of neighbouring rows.

    Returns:
        Two arrays (n, 4 S): the channels of ``TOLERANCES`` one after the other.
    """
    rows = window.finite.astype(np.float64)
    beyond = rows - np.einsum("nsb,sb->ns", window.counts, reference.inner.astype(np.float32))
    rank = design_effect(correlation, rows)
    every = np.broadcast_to(window.rows[:, None].astype(np.float64), rows.shape)
    counts = [beyond / rank, window.lost, window.repeats, window.out_of_range / rank]
    trials = [rows / rank, every, np.maximum(rows - window.broken, 0.0), rows / rank]
    return np.concatenate(counts, axis=1), np.concatenate(trials, axis=1)
