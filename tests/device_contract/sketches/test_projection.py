"""T2, Q and the co-moments of the compiled summarizer against numpy."""

import math
from array import array

import numpy as np
import pytest
from hypothesis import given, settings

from device_contract.projection import Z_LIMIT
from device_contract.sketches import Comoments, ProjectionSums, RowSummarizer
from tests.device_contract.sketches.strategies import COMPONENTS, WIDE, WideRow, summarise_wide, wide_rows

FEATURES = [0, 1, 3]
MEANS = np.array([0.5, -1.0, 2.0])
DEVIATION = 0.25  # of every stream of the strategies


def standardised(taken: list[WideRow]) -> np.ndarray:
    """The complete rows as the projection sees them, (n_rows, 3)."""
    values = np.array([features for features, _ in taken], np.float64).reshape(len(taken), 4)[:, FEATURES]
    complete = values[np.isfinite(values).all(axis=1)]
    return np.clip((complete - MEANS) / DEVIATION, -Z_LIMIT, Z_LIMIT)


@settings(max_examples=60)
@given(wide_rows)
def test_sums_are_those_of_numpy(taken: list[WideRow]) -> None:
    window = summarise_wide(taken)[0]
    z = standardised(taken)
    scores = z @ np.array(COMPONENTS).T
    t2 = np.square(scores) @ (1.0 / np.array([2.0, 0.5]))
    q = np.maximum(np.square(z).sum(axis=1) - np.square(scores).sum(axis=1), 0.0)
    sums = window.projection
    assert sums.rows == len(z)
    scale = 1e-5 * np.square(z).sum()
    assert sums.t2 == pytest.approx(t2.sum(), rel=1e-4, abs=scale)
    assert sums.q == pytest.approx(q.sum(), rel=1e-4, abs=scale)
    assert sums.t2_squares == pytest.approx(
        np.square(t2).sum(), rel=1e-4, abs=scale * scale + 1e-5 * t2.max(initial=0) ** 2
    )
    if len(z) == 0:
        assert window.comoments is None
        return
    assert window.comoments is not None
    assert window.comoments.rows == len(z)
    assert window.comoments.sums == pytest.approx(z.sum(axis=0), rel=1e-5, abs=1e-5 * np.abs(z).sum())
    products = (z.T @ z)[np.triu_indices(3)]
    assert window.comoments.products == pytest.approx(products, rel=1e-5, abs=1e-5 * np.square(z).sum())


def test_comoments_gather_until_they_are_asked_for() -> None:
    summarizer = RowSummarizer(WIDE)
    rows = []
    for _ in range(2):
        summarizer.update(array("f", [0.75, -1.0, 0.0, 2.0]), array("d", [0.5, 0.5]))
        rows.append(summarizer.take().comoments)
    taken = summarizer.take(with_comoments=True).comoments
    assert rows == [None, None]
    assert taken == Comoments(rows=2, sums=(2.0, 0.0, 0.0), products=(2.0, 0.0, 0.0, 0.0, 0.0, 0.0))
    assert summarizer.take(with_comoments=True).comoments is None


def test_a_row_that_lacks_a_feature_has_no_place_in_the_projection() -> None:
    rows = [((missing, 0.0, 0.0, 0.0), (0.5, 0.5)) for missing in (math.nan, math.inf, -math.inf)]
    assert summarise_wide(rows)[0].projection == ProjectionSums()
    unprojected = [((0.0, 0.0, math.nan, 0.0), (0.5, 0.5))]
    assert summarise_wide(unprojected)[0].projection.rows == 1


def test_the_extreme_is_held_to_the_limit() -> None:
    largest = float(np.finfo(np.float32).max)
    sums = summarise_wide([((largest, -largest, 0.0, largest), (0.5, 0.5))])[0].projection
    assert sums.t2 == pytest.approx((500.0**2 / 2.0 + 1500.0**2 / 0.5), rel=1e-5)
    assert sums.q == pytest.approx(3e6 - 500.0**2 - 1500.0**2, rel=1e-5)
