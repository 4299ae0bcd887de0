"""Seeded rows for the benchmarks: some to train with, others to score."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import make_classification, make_regression

SCORED = 65_536


@dataclass(frozen=True)
class Data:
    """What a model is trained with, and the rows that the contenders score.

    Attributes:
        sample: Training rows, float32 (n_rows, ...).
        target: Their labels or values, (n_rows,).
        rows: Rows to score, none of them trained with, float32 (n_rows, ...).
    """

    sample: NDArray[np.float32]
    target: NDArray[np.float64]
    rows: NDArray[np.float32]


def classes(trained: int, n_classes: int = 2, n_features: int = 30, scored: int = SCORED) -> Data:
    """Clusters of rows, some on the wrong side."""
    rows, target = make_classification(
        trained + scored, n_features, n_informative=12, n_classes=n_classes, flip_y=0.05, random_state=0
    )
    return _parted(rows, target, trained)


def values(trained: int, n_features: int = 30, scored: int = SCORED) -> Data:
    """A value that depends on a third of the features, with noise."""
    rows, target = make_regression(
        trained + scored, n_features, n_informative=n_features // 3, noise=10.0, random_state=0
    )
    return _parted(rows, target, trained)


def wide(trained: int, n_features: int = 10_000, scored: int = SCORED) -> Data:
    """Very many features; each counts for a little. The rows to score take 4 n_features bytes each."""
    numbers = np.random.default_rng(0)
    weights = numbers.standard_normal(n_features, dtype=np.float32)
    sample = numbers.standard_normal((trained, n_features), dtype=np.float32)
    rows = numbers.standard_normal((scored, n_features), dtype=np.float32)
    return Data(sample, (sample @ weights > 0).astype(np.float64), rows)


def windows(trained: int, channels: int = 6, length: int = 128, scored: int = SCORED) -> Data:
    """Windows of a signal, (n_rows, channels, length); there is nothing to learn from them."""
    numbers = np.random.default_rng(0)
    rows = numbers.standard_normal((trained + scored, channels, length), dtype=np.float32)
    return Data(rows[:trained], np.zeros(trained), rows[trained:])


def _parted(rows: NDArray[np.float64], target: NDArray[np.float64], trained: int) -> Data:
    single = rows.astype(np.float32)
    return Data(single[:trained], target[:trained], single[trained:])
