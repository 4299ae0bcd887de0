"""Fleets of independent Gaussian rows: the bins' counts are drawn as they are, not row by row.

The set-up of the facts this benchmark is held to (facts/monitoring.md, 4b): what a window of
independent rows says is its multinomial counts, so a million windows take minutes.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from benchmarks.drift.faults import HEALTHY, MODE_AT, MODE_WIDTH, Fault, Outbreak
from benchmarks.drift.training import reference_of
from detectors import Reference, WindowArrays
from detectors.windows import checked, empty_tables

TRAINING_ROWS: Final = 20_000

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def gaussian_reference(features: int, seed: int) -> Reference:
    """Lay out the baseline of a training sample of standard normal features."""
    sample = np.random.default_rng(seed).normal(size=(TRAINING_ROWS, features))
    return reference_of(sample.astype(np.float32))


@dataclass(frozen=True)
class Fleet:
    """A fleet of devices whose rows are independent."""

    reference: Reference
    devices: int
    fewest_rows: int = 200
    most_rows: int = 2000

    def windows(self, count: int, seed: int, outbreak: Outbreak | None = None) -> Iterator[WindowArrays]:
        """Draw windows, one after the other."""
        numbers = np.random.default_rng(seed)
        for window in range(count):
            is_broken = outbreak is not None and window >= outbreak.since
            yield self._window(numbers, outbreak if is_broken else None)

    def _window(self, numbers: np.random.Generator, outbreak: Outbreak | None) -> WindowArrays:
        low, high = np.log(self.fewest_rows), np.log(self.most_rows)
        rows = np.exp(numbers.uniform(low, high, (self.devices, 1))).astype(np.int64)
        streams = self.reference.n_streams
        shares = np.broadcast_to(_shares(self.reference, HEALTHY), (self.devices, *self.reference.bins.shape))
        lost, stuck = (np.zeros((self.devices, streams), np.int64) for _ in range(2))
        if outbreak is not None:
            place = (outbreak.devices[:, None], outbreak.streams)
            shares = shares.copy()
            shares[place] = _shares(self.reference, outbreak.fault)[outbreak.streams]
            lost[place] = numbers.binomial(rows[outbreak.devices], outbreak.fault.missing, outbreak.streams.shape)
            stuck[place] = (outbreak.fault.stuck * (rows[outbreak.devices] - lost[place])).astype(np.int64)
        counts = numbers.multinomial(rows - lost - stuck, shares)
        held = numbers.multinomial(np.ones_like(lost), shares)  # the bin of the value that is repeated
        return self._arrays(numbers, rows, counts + held * stuck[..., None], lost, stuck)

    def _arrays(self, numbers: np.random.Generator, rows: Ints, counts: Ints, lost: Ints, stuck: Ints) -> WindowArrays:
        finite = np.maximum(counts.sum(axis=2), 1)
        scores = self.reference.scores
        mean = np.einsum("nsb,sb->ns", counts, scores) / finite
        square = np.einsum("nsb,sb->ns", counts, scores**2) / finite
        zero = np.zeros_like(mean)
        lag1 = np.clip(numbers.normal(size=mean.shape) / np.sqrt(finite), -1.0, 1.0)
        deviation = np.sqrt(np.maximum(square - mean**2, 0.0))
        repeats = np.maximum(stuck - 1, 0)
        table = np.stack([lost, zero, zero, repeats, mean, deviation, lag1], axis=2)
        ids = [(f"device-{number:05}", "all", "1") for number in range(self.devices)]
        tables = empty_tables(self.reference, np.array(ids))
        filled = replace(tables, rows=rows[:, 0].astype(np.float32), counts=counts.astype(np.float32), streams=table)
        return checked(filled)


def _shares(reference: Reference, fault: Fault) -> Floats:
    """Return the share of the rows in each bin of each stream, (S, B)."""
    edges = np.concatenate([np.full((reference.n_streams, 1), -np.inf), reference.edges], axis=1)
    upper = np.concatenate([reference.edges, np.full((reference.n_streams, 1), np.inf)], axis=1)
    bulk = ndtr((upper - fault.shift) / fault.gain) - ndtr((edges - fault.shift) / fault.gain)
    mode = ndtr((upper - MODE_AT) / MODE_WIDTH) - ndtr((edges - MODE_AT) / MODE_WIDTH)
    shares: Floats = (1.0 - fault.mode) * bulk + fault.mode * mode
    return shares / shares.sum(axis=1, keepdims=True)
