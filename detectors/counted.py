"""The channels of counts: tails, missing values, repeated values, implausible values.

Each gives, for every stream, how many rows are meant, out of how many, and by how much such
counts vary more than those of independent rows.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from detectors.arrays import Floats
from detectors.clustering import tail_effect
from detectors.reference import Reference
from detectors.windows import WindowArrays, weighted

CHANNELS: Final = ("low_tail", "high_tail", "missing", "repeats", "out_of_range")
N_CHANNELS: Final = len(CHANNELS)
N_TAILS: Final = 2
"""The first of them are tails."""


@dataclass(frozen=True, eq=False)
class Counted:
    """Counts of ``n`` devices in ``C`` charts: the ``CHANNELS`` one after the other."""

    count: Floats
    """(n, C): rows that are meant."""
    trials: Floats
    """(n, C): out of how many; 0 where the window says nothing."""
    effect: Floats
    """(n, C): by how much the count varies more than that of independent rows, for shares as in training."""
    correlation: Floats
    """(n, S): of neighbouring rows."""

    def effect_at(self, share: Floats) -> Floats:
        """Return the effect for these shares, (n, C): fuller tails cluster more."""
        tails = N_TAILS * self.correlation.shape[1]
        correlation = np.tile(self.correlation, N_TAILS)
        clustered = tail_effect(correlation, self.trials[:, :tails], share[:, :tails])
        return np.concatenate([clustered, self.effect[:, tails:]], axis=1, dtype=np.float32)


def counted(reference: Reference, window: WindowArrays, correlation: Floats) -> Counted:
    """Count.

    Args:
        reference: What training says.
        window: The devices' windows.
        correlation: (n, S), of neighbouring rows.
    """
    rows = window.finite
    low = weighted(window.counts, reference.low)
    high = weighted(window.counts, reference.high)
    every = np.broadcast_to(window.rows[:, None], rows.shape)
    counts = [low, high, window.lost, window.repeats, window.out_of_range]
    trials = [rows, rows, every, np.maximum(rows - window.broken, 0.0), rows]
    clustered, alone = tail_effect(correlation, rows), np.ones(rows.shape, np.float32)
    effects = [clustered, clustered, alone, alone, clustered]
    sound = window.sound[:, None]
    return Counted(
        count=np.where(sound, np.concatenate(counts, axis=1), 0.0),
        trials=np.where(sound, np.concatenate(trials, axis=1), 0.0),
        effect=np.concatenate(effects, axis=1, dtype=np.float32),
        correlation=correlation,
    )


def usual_shares(reference: Reference) -> Floats:
    """Return the share of the training rows that each chart counts, (C,)."""
    nothing = np.zeros(reference.n_streams)
    tails = [(reference.shares * reference.low).sum(axis=1), (reference.shares * reference.high).sum(axis=1)]
    return np.concatenate([*tails, reference.missing_share, nothing, nothing], dtype=np.float32)


def prior_rows(past: Floats, trials: Floats, effect: Floats) -> Floats:
    """Return how many rows the beta distribution of a share is worth.

    What the past leaves unknown and what clusters both widen the count's distribution. A
    beta-binomial count of n trials varies (n + s) / (1 + s) times as much as a binomial one.

    Args:
        past: Effective rows of the past.
        trials: Rows of the window.
        effect: By how much counts vary more than those of independent rows.
    """
    clustered = (trials - effect) / np.maximum(effect - 1.0, 1e-6)
    worth: Floats = 1.0 / (1.0 / np.maximum(past, 1e-6) + 1.0 / np.maximum(clustered, 1e-6))
    return worth
