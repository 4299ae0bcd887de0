"""Tiny data sets to fit any estimator on, and rows to try it with."""

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

N_ROWS = 80
N_FEATURES = 5
MISSING_SHARE = 0.1


@dataclass(frozen=True)
class Data:
    """A data set; every number is a float32, as on a device.

    Attributes:
        rows: float64 (n_rows, n_features).
        target: (n_rows,) or (n_rows, n_targets).
    """

    rows: NDArray[np.float64]
    target: NDArray[Any]


@cache
def data_set(kind: str, task: str) -> Data:
    """Return a data set.

    Args:
        kind: ``numbers``, ``positive``, ``categories`` (whole numbers), ``missing`` (numbers and NaN),
            ``one column`` or ``kernel`` (a square matrix).
        task: ``classes``, ``numbered classes``, ``two classes``, ``several classes``, ``value``, ``positive value``
            or ``several values``.
    """
    rng = np.random.default_rng(3)
    target = rng.integers(0, 3, N_ROWS)
    signal = target[:, None] * np.linspace(0.2, 1.4, N_FEATURES)
    rows = np.round(rng.normal(size=(N_ROWS, N_FEATURES)) + signal, 3).astype(np.float32).astype(np.float64)
    return Data(_rows_of(kind, rows, rng), _target_of(task, target, rows, rng))


def _rows_of(kind: str, rows: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    if kind == "positive":
        return np.abs(rows)
    if kind == "categories":
        return np.clip(np.round(rows), -1, 2) + 1
    if kind == "one column":
        return rows[:, -1:]
    if kind == "missing":
        return np.where(rng.random(rows.shape) < MISSING_SHARE, np.nan, rows)
    if kind == "kernel":
        return (rows @ rows.T).astype(np.float32).astype(np.float64)
    return rows


def _target_of(
    task: str, target: NDArray[np.int64], rows: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[Any]:
    value = target + 0.3 * rows[:, 0] + 0.1 * rng.normal(size=N_ROWS)
    targets: dict[str, NDArray[Any]] = {
        "classes": np.array(["low", "middle", "high"])[target],
        "numbered classes": target,
        "two classes": np.array(["no", "yes"])[(target > 0).astype(int)],
        "value": value,
        "positive value": np.exp(0.3 * value),
        "several values": np.stack([value, value**2 - rows[:, 1]], axis=1),
        "several classes": np.stack([target > 0, rows[:, 1] > 0], axis=1).astype(int),
    }
    return targets[task]


def trial_rows(rows: NDArray[np.float64], *, missing: bool) -> NDArray[np.float32]:
    """Return rows to compare scores on: the data's own, and such that lie where models decide.

    A tree splits, and a discretizer cuts, at or between neighbouring values of the data: each
    column takes some of its own values and the middles between them, and the float32 numbers
    beside those.

    Args:
        rows: What the estimator was fitted on.
        missing: Also rows with NaN.
    """
    rng = np.random.default_rng(4)
    own = rows.astype(np.float32)
    edges = []
    for column in range(rows.shape[1]):
        values = np.unique(rows[:, column][np.isfinite(rows[:, column])])
        places = rng.choice(np.concatenate([values, (values[1:] + values[:-1]) / 2]), 12).astype(np.float32)
        beside = np.concatenate([places, _above(places), -_above(-places)])
        copies = own[rng.integers(len(own), size=len(beside))]
        copies[:, column] = beside
        edges.append(copies)
    tried = np.concatenate([own, *edges])
    if missing:
        holed = own.copy()
        holed[rng.random(own.shape) < 2 * MISSING_SHARE] = np.nan
        return np.concatenate([tried, holed])
    return tried


def _above(values: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.nextafter(values, np.float32(np.inf))
