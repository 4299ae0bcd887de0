"""What the kernels give, and what the door refuses."""

import math
import sys
import threading
from array import array
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from device_contract.errors import RowError
from device_contract.plan.scorer import PlanScorer
from tests.device_contract.plan.plans import PLANS, linear, plan, stumps
from tests.support.plans import linear_plan

NAN = math.nan
float32s = st.floats(width=32)


def scorer(name: str) -> PlanScorer:
    return PlanScorer(PLANS[name])


def tree_value(index: int, row: tuple[float, float]) -> float:
    """Score one of ``stumps`` by its description."""
    value = row[index % 2]
    return (1.0 if index % 2 == 0 else 10.0) if math.isnan(value) else 1.0 if value <= index else 10.0


@pytest.mark.parametrize("n_trees", [1, 7, 8, 9, 16, 23])
@pytest.mark.parametrize("wide", [False, True])
@given(row=st.tuples(float32s, float32s))
def test_adds_the_leaf_of_every_tree(n_trees: int, wide: bool, row: tuple[float, float]) -> None:  # noqa: FBT001
    expected = (0.5 + sum(tree_value(index, row) for index in range(n_trees))) / 2
    assert PlanScorer(plan(1, stumps(n_trees, wide=wide))).score(row) == expected


def test_scores_by_the_matrix() -> None:
    assert scorer("linear").score([3.0, 1.0]) == 0.5 + (3.0 - 1.0) - 1.0


def test_adds_one_operation_to_the_other() -> None:
    row = (3.0, 0.5)
    assert scorer("linear-and-trees").score(row) == 2.0 + (0.5 + tree_value(0, row) + tree_value(1, row)) / 2


def test_moves_numbers() -> None:
    row = (-3.0, 0.5)
    assert scorer("moves").score(row) == pytest.approx(2.5 * math.tanh(0.5 + 0.0 + 1.0), rel=1e-15)


def test_computes_in_float32() -> None:
    assert scorer("dense-float32").score([0.1, 0.2]) == (
        np.float32(0.1) + np.float32(0.25) + np.float32(0.5) * np.float32(0.2),
        0.0
        if np.float32(-0.25) - np.float32(0.1) + np.float32(2) * np.float32(0.2) < 0
        else pytest.approx(0.05, rel=1e-6),
    )


@pytest.mark.parametrize("row", [(0.1, 0.2), (-3.0, 0.2), (math.nan, 0.2), (math.inf, math.inf), (-0.5, 0.5)])
def test_dense_rectifies_as_the_function_does(row: tuple[float, float]) -> None:
    np.testing.assert_array_equal(scorer("dense-rectified").score(row), scorer("dense-float32").score(row))


def test_links() -> None:
    raw = [0.5 + (k + 1) * (1.25 - 1.0) + 0.75 for k in range(3)]
    row = [1.25, -0.75]
    sigmoids = [1 / (1 + math.exp(-score)) for score in raw]
    assert scorer("linear-exponential").score(row) == pytest.approx(math.exp(raw[0]), rel=1e-15)
    assert scorer("linear-binary").score(row) == pytest.approx((1 - sigmoids[0], sigmoids[0]), rel=1e-15)
    exponents = [math.exp(score) for score in raw]
    assert scorer("linear-softmax").score(row) == pytest.approx([e / sum(exponents) for e in exponents], rel=1e-15)
    normalized = [sigmoid / sum(sigmoids) for sigmoid in sigmoids]
    assert scorer("linear-sigmoid-normalized").score(row) == pytest.approx(normalized, rel=1e-15)


def test_probabilities_survive_enormous_scores() -> None:
    assert scorer("linear-softmax").score([3e38, 0.0]) == (0.0, 0.0, 1.0)
    assert scorer("linear-binary").score([3e38, 0.0]) == (0.0, 1.0)
    assert scorer("linear-binary").score([-3e38, 0.0]) == (1.0, 0.0)
    assert scorer("linear-sigmoid-normalized").score([-3e38, 3e38]) == pytest.approx((1 / 3, 1 / 3, 1 / 3))


@pytest.mark.parametrize("name", [*(name for name in PLANS if name.startswith("linear")), "trees-no-missing"])
@pytest.mark.parametrize("row", [[NAN, 1.0], [1.0, NAN], [NAN, NAN]])
def test_a_missing_value_that_the_model_does_not_take_gives_nan(name: str, row: list[float]) -> None:
    scores = scorer(name).score(row)
    assert all(math.isnan(score) for score in (scores if isinstance(scores, tuple) else (scores,)))


ROWS: dict[str, Callable[[], Any]] = {
    "list": lambda: [1.5, -2.0],
    "tuple": lambda: (1.5, -2.0),
    "numbers of other kinds": lambda: [np.float64(1.5), -2],
    "array": lambda: array("f", [1.5, -2.0]),
    "numpy": lambda: np.array([1.5, -2.0], np.float32),
    "numpy, one row of a matrix": lambda: np.array([[9, 9], [1.5, -2.0]], np.float32)[1],
    "numpy, (1, 2)": lambda: np.array([[1.5, -2.0]], np.float32),
    "little-endian numpy": lambda: np.array([1.5, -2.0], "<f4"),
    "read-only": lambda: memoryview(array("f", [1.5, -2.0])).toreadonly(),
}


@pytest.mark.parametrize("row", ROWS)
def test_takes_a_row_as(row: str) -> None:
    assert scorer("linear").score(ROWS[row]()) == 3.0


WRONG_ROWS: dict[str, tuple[Callable[[], Any], str]] = {
    "float64": (lambda: np.array([1.0, 2.0]), r"format 'd'; give float32"),
    "float64 array": (lambda: array("d", [1.0, 2.0]), r"format 'd'; give float32"),
    "whole numbers": (lambda: np.array([1, 2], np.int32), r"format 'i'; give float32"),
    "big-endian": (lambda: np.array([1, 2], ">f4"), r"format '>f'; give float32"),
    "bytes": (lambda: bytes(8), r"format 'B'; give float32"),
    "every second value": (lambda: np.zeros(4, np.float32)[::2], "C-contiguous"),
    "too few": (lambda: array("f", [1.0]), "row has 1 values, the model takes 2"),
    "too many": (lambda: np.zeros(3, np.float32), "row has 3 values, the model takes 2"),
    "no values": (list, "row has 0 values, the model takes 2"),
    "a longer list": (lambda: [1.0, 2.0, 3.0], "row has 3 values, the model takes 2"),
    "text": (lambda: "12", "row is a str"),
    "text inside": (lambda: [1.0, "warm"], "value 1 of the row is no number: 'warm'"),
    "nothing inside": (lambda: [None, 1.0], "value 0 of the row is no number: 'None'"),
    "an enormous whole number": (lambda: [10**400, 1.0], "value 0 of the row is no number"),
    "one that Python does not write": (lambda: [10**5000, 1.0], "value 0 of the row is no number: int too long"),
    "a mapping": (lambda: {0: 1.0, 1: 2.0}, "row is a dict"),
    "a set": (lambda: {1.0, 2.0}, "row is a set"),
    "a generator": (lambda: (value for value in [1.0, 2.0]), "row is a generator"),
    "a number": (lambda: 1.0, "row is a float"),
    "None": (lambda: None, "row is a NoneType"),
}


@pytest.mark.parametrize("fault", WRONG_ROWS)
def test_refuses_a_row_of(fault: str) -> None:
    make, told = WRONG_ROWS[fault]
    with pytest.raises(RowError, match=told) as raised:
        scorer("linear").score(make())
    assert "\n" not in str(raised.value)


def test_refuses_a_list_that_shrinks_while_it_is_read() -> None:
    row: list[Any] = []

    class Shrinking:
        def __float__(self) -> float:
            row.clear()
            return 1.0

    row += [Shrinking(), 2.0]
    with pytest.raises(RowError, match="changed while it was read"):
        scorer("linear").score(row)


def test_a_number_beyond_float32_becomes_infinite() -> None:
    assert scorer("linear").score([1e300, 0.0]) == math.inf


def test_scores_into_a_buffer() -> None:
    out = array("d", [0.0, 0.0])
    scorer("linear-binary").score_into([1.0, 0.5], out)
    assert out.tolist() == [0.5, 0.5]


@pytest.mark.parametrize(
    ("out", "told"),
    [
        (array("d", [0.0]), "out has 1 values, the model gives 2 a row"),
        (array("f", [0.0, 0.0]), "give float64"),
        (bytes(16), "cannot be read as a C-contiguous buffer"),
        ([0.0, 0.0], "cannot be read as a C-contiguous buffer"),
    ],
)
def test_refuses_room_for_scores_that_is_wrong(out: Any, told: str) -> None:
    with pytest.raises(RowError, match=told):
        scorer("linear-binary").score_into([1.0, 0.5], out)


@pytest.mark.parametrize("n_rows", [0, 1, 5])
def test_a_batch_equals_its_rows(n_rows: int) -> None:
    rows = np.random.default_rng(0).normal(size=(n_rows, 2)).astype(np.float32)
    out = np.zeros((n_rows, 3))
    scorer("linear-softmax").score_batch(rows, n_rows, out)
    assert out.tolist() == [list(scorer("linear-softmax").score(row)) for row in rows]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("n_values", "n_rows", "n_scores"),
    [(4, 1, 1), (4, 3, 3), (3, 1, 1), (4, 2, 1), (4, 2, 3), (4, -2, 2), (4, sys.maxsize, 2), (0, -sys.maxsize, 0)],
)
def test_refuses_a_batch_whose_sizes_disagree(n_values: int, n_rows: int, n_scores: int) -> None:
    with pytest.raises(RowError, match=r"not -?[0-9]+ rows of"):
        scorer("linear").score_batch(array("f", bytes(4 * n_values)), n_rows, array("d", bytes(8 * n_scores)))


def test_takes_rows_wider_than_the_stack() -> None:
    width, n_scores = 1000, 300
    weights = np.ones((n_scores, width)).tobytes()
    wide = PlanScorer(linear_plan(width, n_scores, weights, np.arange(n_scores, dtype=float).tobytes()))
    assert wide.score([1.0] * width) == tuple(width + float(k) for k in range(n_scores))


@pytest.mark.parametrize("shift", range(1, 9))
def test_reads_a_plan_at_any_address(shift: int) -> None:
    room = bytearray(bytes(shift) + PLANS["trees"])
    shifted = PlanScorer(memoryview(room)[shift:])
    assert shifted.score([1.0, 2.0]) == scorer("trees").score([1.0, 2.0])


def test_may_be_shared_by_threads() -> None:
    shared = scorer("linear-and-trees")
    rows = np.random.default_rng(0).normal(size=(2000, 2)).astype(np.float32)
    expected = [shared.score(row) for row in rows]
    results: list[list[Any]] = [[] for _ in range(4)]

    def work(place: int) -> None:
        out = np.zeros(len(rows))
        for _ in range(20):
            shared.score_batch(rows, len(rows), out)
        results[place] = [*out.tolist()] if place % 2 else [shared.score(row) for row in rows]

    threads = [threading.Thread(target=work, args=(place,)) for place in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(result == expected for result in results)


def test_tells_its_size() -> None:
    assert (scorer("linear-softmax").n_features, scorer("linear-softmax").n_outputs) == (2, 3)
    assert PlanScorer(plan(1, linear(1))).n_outputs == 1
