"""Piecewise polynomials and the weighted median: what they answer, and plans of them that are wrong."""

import math
import statistics
import struct

import pytest

from device_contract.errors import PlanError
from device_contract.plan.format import HEADER, OPERATION, Function, Kind, Operation, Plan, Range, write_plan
from device_contract.plan.scorer import PlanScorer
from tests.device_contract.plan.plans import PLANS, doubles

NAME = "steps-and-splines"
PIECEWISE, MEDIAN = (HEADER.size + place * OPERATION.size for place in (1, 2))
SIZES, TABLES, VALUE_BYTES = 32, 96, 32


def u32(value: int) -> bytes:
    return struct.pack("<I", value)


def changed(offset: int, replacement: bytes) -> bytes:
    data = bytearray(PLANS[NAME])
    data[offset : offset + len(replacement)] = replacement
    return bytes(data)


def changed_start(place: int, start: int) -> bytes:
    (starts,) = struct.unpack_from("<I", PLANS[NAME], PIECEWISE + TABLES)
    return changed(starts + 4 * place, u32(start))


@pytest.mark.parametrize(
    ("x", "expected"), [(-1e-45, 7.0), (-0.0, 0.0), (0.25, 0.5), (1.0, 5.0), (math.inf, 5.0), (-math.inf, 7.0)]
)
def test_each_interval_starts_at_its_knot(x: float, expected: float) -> None:
    step, spline, _, _ = PlanScorer(PLANS[NAME]).score([x, 3.0])
    assert step == expected
    assert spline == 3.0 * 4.0 + 1.0


def test_a_missing_value_stays_missing() -> None:
    step, spline, median, quantile = PlanScorer(PLANS[NAME]).score([math.nan, 3.0])
    assert spline == 13.0
    assert all(map(math.isnan, (step, median, quantile)))


def test_the_median_by_weight_and_the_normal_quantile() -> None:
    *_, median, quantile = PlanScorer(PLANS[NAME]).score([0.25, 1.0])
    assert median == 1.0
    assert quantile == math.inf
    *_, median, quantile = PlanScorer(PLANS[NAME]).score([0.125, 0.75])
    assert median == 1.1875
    assert math.isnan(quantile)


@pytest.mark.parametrize("p", [1e-300, 1e-12, 0.01, 0.074, 0.3, 0.5, 0.8, 0.926, 1 - 1e-9])
def test_the_normal_quantile_is_that_of_the_standard_library(p: float) -> None:
    operations = (
        Operation(Kind.CONSTANT, Range(0, 1), tables=(doubles(p),)),
        Operation(Kind.MAP, Range(1, 1), Range(0, 1), function=Function.NORMAL_QUANTILE),
    )
    scorer = PlanScorer(write_plan(Plan(1, 2, Range(1, 1), operations)))
    assert scorer.score([0.0]) == pytest.approx(statistics.NormalDist().inv_cdf(p), rel=1e-14, abs=1e-15)


FAULTS = {
    "another number of results": (changed(PIECEWISE + SIZES, u32(2)), "contradicts"),
    "no polynomials": (changed(PIECEWISE + SIZES, u32(0)), "contradicts"),
    "a degree beyond any": (changed(PIECEWISE + SIZES + 4, u32(16)), "contradicts"),
    "more coefficients than the table": (changed(PIECEWISE + SIZES + 4, u32(15)), "past its end"),
    "more knots than the table": (changed(PIECEWISE + SIZES + 8, u32(0xFFFFFFFF)), "past its end"),
    "knots of nobody": (changed(PIECEWISE + SIZES + 8, u32(1)), "an index of the plan"),
    "knots before the first": (changed_start(0, 1), "an index of the plan"),
    "knots past the last": (changed_start(2, 3), "an index of the plan"),
    "knots that go backwards": (changed_start(1, 3), "an index of the plan"),
    "starts past the end": (changed(PIECEWISE + TABLES, u32(1 << 30)), "past its end"),
    "a median of two results": (changed(MEDIAN + 28, u32(2)), "contradicts"),
    "weights past the end": (changed(MEDIAN + TABLES, u32(1 << 30)), "past its end"),
    "in float32": (changed(VALUE_BYTES, u32(4)), "contradicts"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_refuses_tables_that_are_wrong(fault: str) -> None:
    data, told = FAULTS[fault]
    with pytest.raises(PlanError, match=told):
        PlanScorer(data)


def test_refuses_a_median_of_too_many() -> None:
    n = 4097
    operations = (
        Operation(Kind.CONSTANT, Range(0, n), tables=(bytes(8 * n),)),
        Operation(Kind.WEIGHTED_MEDIAN, Range(n, 1), Range(0, n), tables=(bytes(8 * n),)),
    )
    with pytest.raises(PlanError, match="contradicts"):
        PlanScorer(write_plan(Plan(1, n + 1, Range(n, 1), operations)))
