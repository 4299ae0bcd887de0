"""Rows at and beside the places where transformers change their mind, and plans held to scikit-learn."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from compiler.frontends.sklearn import SklearnModel
from tests.compiler.ir.estimator_plans import plan_scores

ROUNDING = 1e-12
"""Float64 arithmetic in another order, relative to the largest number that comes out."""


def numbers(n_features: int = 3, seed: int = 0) -> NDArray[np.float64]:
    """Return 120 rows of float32 numbers with few distinct values, so that some repeat."""
    rows = np.random.default_rng(seed).normal(size=(120, n_features))
    return np.round(rows, 1).astype(np.float32).astype(np.float64)


def with_holes(rows: NDArray[np.float64], share: float = 0.15) -> NDArray[np.float64]:
    """Return the rows with NaN in some places of every column but the last."""
    holes = np.random.default_rng(1).random(rows.shape) < share
    holes[:, -1] = False
    return np.where(holes, np.nan, rows)


def beside(rows: NDArray[np.float64], places: Sequence[ArrayLike]) -> NDArray[np.float32]:
    """Return the rows, rows far outside, and such with one number at a place, or one float32 step beside it.

    Args:
        rows: (n_rows, n_features).
        places: For each feature, where it matters.
    """
    rng = np.random.default_rng(2)
    own = rows.astype(np.float32)
    parts = [own, 20 * own]
    for column, edges in enumerate(places):
        at = np.asarray(edges, np.float64).astype(np.float32)
        steps = np.concatenate([at, np.nextafter(at, np.float32(np.inf)), np.nextafter(at, np.float32(-np.inf))])
        copies = own[rng.integers(len(own), size=len(steps))]
        copies[:, column] = steps
        parts.append(copies)
    return np.concatenate(parts)


def assert_same(model: Any, rows: NDArray[Any], tolerance: float = ROUNDING) -> None:
    """Hold the plan of a fitted model to its own scores; NaN where it has NaN."""
    source = SklearnModel(model)
    given = rows.astype(np.float32)
    truth = source.score(given)
    allowed = tolerance * max(1.0, float(np.nanmax(np.abs(truth), initial=0.0)))
    np.testing.assert_allclose(plan_scores(source.to_graph(), given), truth, rtol=0, atol=allowed)
