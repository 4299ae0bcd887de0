"""Scores are the same bits one row at a time, in blocks, and with every processor's kernels."""

import subprocess

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from device_contract.plan import scorer
from device_contract.plan.scorer import PlanScorer
from tests.device_contract.plan import drawn
from tests.device_contract.plan.plans import PLANS
from tests.device_contract.plan.variants import available, place, score_block, score_each

seeds = st.integers(0, 2**32 - 1)
n_rows = st.sampled_from([1, 3, 15, 16, 17, 63, 64, 65, 130, 600])


def bits(scores: NDArray[np.float64]) -> NDArray[np.uint64]:
    """Return the scores' bits; one NaN is like another, whatever its sign."""
    return np.where(np.isnan(scores), np.nan, scores).view(np.uint64)


def hold_equal(plan: bytes, rows: NDArray[np.float32]) -> None:
    """Score with all kernels that there are, row by row and in one block."""
    n_outputs, placed = PlanScorer(plan).n_outputs, place(plan)
    expected = bits(score_each(available()["plain"], placed, rows, n_outputs))
    for kernels in available().values():
        np.testing.assert_array_equal(bits(score_each(kernels, placed, rows, n_outputs)), expected)
        np.testing.assert_array_equal(bits(score_block(kernels, placed, rows, n_outputs)), expected)


@pytest.mark.parametrize("name", PLANS)
def test_plans_of_every_family_give_the_same_bits(name: str) -> None:
    plan = PLANS[name]
    hold_equal(plan, drawn.rows(np.random.default_rng(0), 67, PlanScorer(plan).n_features, 0.1))


@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize("missing", [False, True])
@given(seed=seeds, count=n_rows, n_features=st.integers(1, 40))
def test_trees_give_the_same_bits(*, wide: bool, missing: bool, seed: int, count: int, n_features: int) -> None:
    numbers = np.random.default_rng(seed)
    plan = drawn.trees(numbers, n_features, wide=wide, missing=missing, most_splits=(0, 5, 40, 90)[seed % 4])
    hold_equal(plan, drawn.rows(numbers, count, n_features, 0.05 * (seed % 3)))


@given(seed=seeds)
def test_trees_of_very_wide_rows_give_the_same_bits(seed: int) -> None:
    numbers = np.random.default_rng(seed)
    plan = drawn.trees(numbers, 1030, wide=False, missing=True, most_splits=40)
    hold_equal(plan, drawn.rows(numbers, 20, 1030, 0.001))


@given(
    seed=seeds,
    count=n_rows,
    n_features=st.integers(1, 40),
    width=st.integers(1, 70),
    value_bytes=st.sampled_from([4, 8]),
)
def test_networks_give_the_same_bits(seed: int, count: int, n_features: int, width: int, value_bytes: int) -> None:
    numbers = np.random.default_rng(seed)
    plan = drawn.network(numbers, n_features, width, value_bytes=value_bytes)
    hold_equal(plan, drawn.rows(numbers, count, n_features, 0.01))


@given(seed=seeds, count=st.sampled_from([1, 16, 33]), length=st.integers(1, 70), value_bytes=st.sampled_from([4, 8]))
def test_convolutions_give_the_same_bits(seed: int, count: int, length: int, value_bytes: int) -> None:
    numbers = np.random.default_rng(seed)
    hold_equal(drawn.signal(numbers, length, value_bytes=value_bytes), drawn.rows(numbers, count, 2 * length, 0.01))


@given(seed=seeds, count=n_rows, n_features=st.integers(1, 70))
def test_dots_of_the_row_give_the_same_bits(seed: int, count: int, n_features: int) -> None:
    numbers = np.random.default_rng(seed)
    hold_equal(drawn.dot(numbers, n_features), drawn.rows(numbers, count, n_features, 0.01))


@pytest.mark.slow
def test_no_product_is_fused_with_a_sum() -> None:
    code = subprocess.run(["objdump", "-d", scorer.__file__], capture_output=True, text=True, check=True).stdout
    assert "mulp" in code or "fmul" in code
    assert not [word for word in ("vfmadd", "vfmsub", "vfnmadd", "fmadd", "fmla") if word in code]
