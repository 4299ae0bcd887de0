"""Plans of fewer bits: what they score, on every processor, and what is refused."""

import struct
from array import array

import numpy as np
import pytest
from numpy.typing import NDArray

from device_contract.errors import PlanError
from device_contract.plan.format import HEADER, OPERATION, Kind, Operation, Plan, Range, write_plan
from device_contract.plan.scorer import PlanScorer
from tests.device_contract.plan import drawn
from tests.device_contract.plan.quantized_plans import BASE, CODES, HALVES, QUANTIZED, SCALE, ranked_trees
from tests.device_contract.plan.test_blocks import hold_equal

SIZES = HEADER.size + 32
TABLES = SIZES + 64
DENSE_TABLES = TABLES + OPERATION.size


@pytest.mark.parametrize(("name", "weights"), [("dense-int8", CODES), ("dense-float16", HALVES)])
def test_scales_the_sum_and_adds_the_base(name: str, weights: tuple[tuple[float, ...], ...]) -> None:
    row = np.array([1.0, -2.0, 0.5, 3.0, 4.0], np.float32)
    halves = np.array(weights, np.float16).astype(np.float64)
    expected = np.array(BASE) + np.array(SCALE) * (halves @ row)
    np.testing.assert_allclose(PlanScorer(QUANTIZED[name]).score(row), expected, rtol=1e-6)


def test_every_half_is_its_number() -> None:
    """All that are finite, those beside zero too; against numpy's conversion."""
    halves = np.arange(1 << 16).astype(np.uint16).view(np.float16)
    finite = halves[np.isfinite(halves)]
    for chosen in finite.reshape(-1, 31, 64).swapaxes(0, 1):
        width = chosen.size
        words = np.stack([chosen.ravel(), np.zeros(width, np.float16)], axis=1)
        ones, zeros = np.ones(width, "<f4"), np.zeros(width, "<f4")
        dense = Operation(
            Kind.DENSE_FLOAT16,
            Range(1, width),
            Range(0, 1),
            tables=(words.astype("<f2").tobytes(), ones.tobytes(), zeros.tobytes()),
        )
        load = Operation(Kind.LOAD, Range(0, 1), Range(0, 1, of_row=True))
        plan = write_plan(Plan(1, width + 1, Range(1, width), (load, dense), 4))
        np.testing.assert_array_equal(PlanScorer(plan).score(array("f", [1.0])), chosen.ravel().astype(np.float64))


@pytest.mark.parametrize("kind", [Kind.DENSE_INT8, Kind.DENSE_FLOAT16])
@pytest.mark.parametrize("value_bytes", [4, 8])
@pytest.mark.parametrize(("n_inputs", "width"), [(1, 1), (2, 7), (3, 40), (7, 65), (33, 19)])
def test_layers_of_any_size_give_the_same_bits(kind: Kind, value_bytes: int, n_inputs: int, width: int) -> None:
    numbers = np.random.default_rng(n_inputs)
    plan = _drawn(numbers, kind, value_bytes, n_inputs, width)
    hold_equal(plan, numbers.standard_normal((37, n_inputs)).astype(np.float32))


def _drawn(numbers: np.random.Generator, kind: Kind, value_bytes: int, n_inputs: int, width: int) -> bytes:
    of_word = 4 if kind == Kind.DENSE_INT8 else 2
    n_codes = -(-n_inputs // of_word) * width * of_word
    codes: NDArray[np.generic] = numbers.integers(-127, 128, n_codes).astype("i1")
    if kind == Kind.DENSE_FLOAT16:
        codes = numbers.standard_normal(n_codes).astype("<f2")
    tables = [numbers.standard_normal(width).astype(f"<f{value_bytes}").tobytes() for _ in range(2)]
    operations = (
        Operation(Kind.LOAD, Range(0, n_inputs), Range(0, n_inputs, of_row=True)),
        Operation(kind, Range(n_inputs, width), Range(0, n_inputs), tables=(codes.tobytes(), *tables)),
    )
    return write_plan(Plan(n_inputs, n_inputs + width, Range(n_inputs, width), operations, value_bytes))


def test_ranked_trees_compare_as_numbers_do() -> None:
    """At each threshold, beside it, at infinities and NaN."""
    rows = np.array([(x, y) for x in (-1, 0, 1e-45, 1.5, 1.6, np.inf, np.nan) for y in (2, 2.1, -np.inf, np.nan)], "f4")
    first = np.where(rows[:, 0] > 0, 10.0, 1.0)
    second = np.where(rows[:, 1] > 2, 10.0, 1.0)
    last = np.where(rows[:, 0] <= 1.5, 10.0, 1.0)  # its leaves the other way round; NaN goes right
    expected = (0.5 + 2 * first + 2 * second + last) / 2.0
    scorer = PlanScorer(QUANTIZED["ranked-trees"])
    np.testing.assert_array_equal([scorer.score(row) for row in rows], expected)


@pytest.mark.parametrize("missing", [True, False])
def test_ranked_trees_give_the_same_bits(*, missing: bool) -> None:
    hold_equal(ranked_trees(missing=missing), drawn.rows(np.random.default_rng(1), 67, 2, 0.1))


def changed(name: str, offset: int, *words: int) -> bytes:
    data = bytearray(QUANTIZED[name])
    data[offset : offset + 4 * len(words)] = struct.pack(f"<{len(words)}I", *words)
    return bytes(data)


def in_table(table: int, place: int, word: int) -> bytes:
    (start,) = struct.unpack_from("<I", QUANTIZED["ranked-trees"], TABLES + 4 * table)
    return changed("ranked-trees", start + 4 * place, word)


FAULTS = {
    "int8, no weights": (changed("dense-int8", DENSE_TABLES, 0), "table"),
    "int8, no scale": (changed("dense-int8", DENSE_TABLES + 4, 0), "table"),
    "halves, weights past the end": (changed("dense-float16", DENSE_TABLES, 1 << 20), "table"),
    "halves, no base": (changed("dense-float16", DENSE_TABLES + 8, 0), "table"),
    "no values of a leaf": (changed("ranked-trees", SIZES, 0), "contradicts"),
    "more leaves than there are": (changed("ranked-trees", SIZES + 12, 1 << 20), "table"),
    "thresholds past the end": (changed("ranked-trees", SIZES + 16, 1 << 20), "table"),
    "fewer thresholds than starts tell": (changed("ranked-trees", SIZES + 16, 2), "index"),
    "starts that fall": (in_table(5, 1, 4), "index"),
    "more thresholds than ranks": (in_table(5, 2, 300), "index"),
    "a tree that starts elsewhere": (in_table(1, 4, 4), "tree"),
    "a tree without nodes": (in_table(1, 1, 0), "tree"),
    "a tree of another output": (in_table(1, 3, 1), "tree"),
    "a feature that no row has": (in_table(2, 0, 2 | 1 << 16), "node"),
    "a child before its parent": (in_table(2, 1, 0), "node"),
    "a child of another tree": (in_table(2, 0, 2 << 16), "node"),
    "a leaf that is not there": (in_table(2, 1, 2 | 1 << 16), "node"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_refuses_a_plan_that_is_wrong(fault: str) -> None:
    data, told = FAULTS[fault]
    with pytest.raises(PlanError, match=told):
        PlanScorer(data)
