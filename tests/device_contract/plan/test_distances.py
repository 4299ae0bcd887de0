"""Distances, the nearest of them, what those vote for, and pairs of classes coupled."""

import array
import math
import struct
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device_contract.errors import PlanError
from device_contract.plan.format import HEADER, OPERATION, Kind, Metric, Operation, Plan, Range, write_plan
from device_contract.plan.scorer import PlanScorer
from tests.device_contract.plan.plans import PLANS, doubles, tile

COORDINATES = st.floats(-100, 100, width=32)
ROWS = st.lists(st.tuples(COORDINATES, COORDINATES), min_size=1, max_size=70)


def distance_plan(
    metric: Metric,
    points: list[tuple[float, float]],
    parameter: float = 0.0,
    weights: list[tuple[float, float]] | None = None,
) -> bytes:
    tables = (tiles(points),) if weights is None else (tiles(points), tiles(weights))
    n = len(points)
    distance = Operation(
        Kind.DISTANCE, Range(2, n), Range(0, 2), function=metric, parameters=(parameter,), tables=tables
    )
    load = Operation(Kind.LOAD, Range(0, 2), Range(0, 2, of_row=True))
    return write_plan(Plan(2, 2 + n, Range(2, n), (load, distance)))


def tiles(points: list[tuple[float, float]]) -> bytes:
    return b"".join(tile(*points[first : first + 16]) for first in range(0, len(points), 16))


def scores_of(plan: bytes, rows: list[tuple[float, ...]]) -> list[list[float]]:
    """Return the scores of a batch, which are those of its rows to the last bit."""
    scorer = PlanScorer(plan)
    scores = array.array("d", bytes(8 * len(rows) * scorer.n_outputs))
    scorer.score_batch(array.array("f", [value for row in rows for value in row]), len(rows), scores)
    width = scorer.n_outputs
    batch = [scores[first : first + width].tolist() for first in range(0, len(scores), width)]
    alone = [scorer.score(row) for row in rows]
    assert batch == [list(each) if isinstance(each, tuple) else [each] for each in alone]
    return batch


POINTS = [(float(i % 7), float(i * i % 11)) for i in range(70)]
WEIGHTS = [(0.5 + i % 3, float(i % 5)) for i in range(70)]
EXPECTED: dict[Metric, Callable[[float, float, tuple[float, float]], float]] = {
    Metric.SQUARED_EUCLIDEAN: lambda x, y, _: x * x + y * y,
    Metric.MANHATTAN: lambda x, y, _: abs(x) + abs(y),
    Metric.CHEBYSHEV: lambda x, y, _: max(abs(x), abs(y)),
    Metric.MINKOWSKI: lambda x, y, _: abs(x) ** 3 + abs(y) ** 3,
    Metric.WEIGHTED_SQUARES: lambda x, y, weight: weight[0] * x * x + weight[1] * y * y,
    Metric.RADIAL_BASIS: lambda x, y, _: math.exp(-3 * (x * x + y * y)),
}


@pytest.mark.parametrize("metric", Metric)
@pytest.mark.parametrize("n_points", [1, 15, 16, 17, 70])
def test_measures_the_distance_to_every_point(metric: Metric, n_points: int) -> None:
    points, weights = POINTS[:n_points], WEIGHTS[:n_points]
    rows = [(0.25 * i, 3.0 - i) for i in range(40)]
    plan = distance_plan(metric, points, 3.0, weights if metric == Metric.WEIGHTED_SQUARES else None)
    for row, scores in zip(rows, scores_of(plan, list(rows)), strict=True):
        right = [
            EXPECTED[metric](row[0] - point[0], row[1] - point[1], weight)
            for point, weight in zip(points, weights, strict=True)
        ]
        assert scores == pytest.approx(right, rel=1e-14, abs=1e-300)


@given(rows=ROWS, metric=st.sampled_from(Metric))
def test_one_row_equals_a_batch(rows: list[tuple[float, float]], metric: Metric) -> None:
    weights = WEIGHTS if metric == Metric.WEIGHTED_SQUARES else None
    scores_of(distance_plan(metric, POINTS, 1.5, weights), list(rows))


@pytest.mark.parametrize(
    ("row", "score"),
    [
        ((0.0, 0.0), 0 * 1 + 1 * 10),  # at the first point; the second is one away
        ((1.0, 0.0), 0 * 10 + 1 * 1),
        ((0.0, 1.0), 1 * 1 + 1 * 100),  # of equals the first is the nearest
        ((3.0, 3.0), 1 * 1000 + 10 * 100),
    ],
)
def test_sums_the_rows_of_the_nearest(row: tuple[float, float], score: float) -> None:
    """The golden plan weights a number of each of the two nearest points by its squared distance."""
    assert scores_of(PLANS["neighbours"], [row]) == [[score]]


@given(st.lists(st.integers(0, 5), min_size=9, max_size=9))
def test_the_nearest_are_the_first_of_a_stable_sort(values: list[int]) -> None:
    load = Operation(Kind.LOAD, Range(0, 9), Range(0, 9, of_row=True))
    plan = write_plan(Plan(9, 17, Range(9, 8), (load, Operation(Kind.NEAREST, Range(9, 8), Range(0, 9)))))
    order = sorted(range(9), key=lambda i: values[i])[:4]
    assert scores_of(plan, [tuple(map(float, values))]) == [[*(float(values[i]) for i in order), *map(float, order)]]


@pytest.mark.parametrize("position", [-1.0, 3.0, 1e30, math.nan, -math.inf, math.inf])
def test_what_is_no_position_is_the_first(position: float) -> None:
    load = Operation(Kind.LOAD, Range(0, 2), Range(0, 2, of_row=True))
    rows = Operation(Kind.SUM_ROWS, Range(2, 4), Range(0, 2), sizes=(3, 1), tables=(doubles(1, 2, 3, 4, 5, 6),))
    plan = write_plan(Plan(2, 6, Range(2, 4), (load, rows)))
    assert scores_of(plan, [(position, 2.9)]) == [[1.0, 2.0, 5.0, 6.0]]


def test_couples_pairs_that_agree_exactly() -> None:
    """Pairs made from probabilities p as p_i / (p_i + p_j) give p again, as far as libsvm iterates."""
    p = (0.5, 0.3, 0.2)
    pairs = (p[0] / (p[0] + p[1]), p[0] / (p[0] + p[2]), p[1] / (p[1] + p[2]))
    (coupled,) = scores_of(PLANS["coupling"], [pairs])
    assert coupled == pytest.approx(p, abs=0.01)
    assert sum(coupled) == pytest.approx(1.0, abs=1e-12)


def changed(name: str, operation: int, field: int, value: int) -> bytes:
    data = bytearray(PLANS[name])
    struct.pack_into("<I", data, HEADER.size + OPERATION.size * operation + 4 * field, value)
    return bytes(data)


SIZES, TABLES = 8, 24
FAULTS: dict[str, tuple[bytes, str]] = {
    "unknown metric": (changed("neighbours", 1, 1, 7), "contradicts"),
    "weighted without weights": (changed("neighbours", 1, 1, Metric.WEIGHTED_SQUARES), "misplaced"),
    "points past the end": (changed("neighbours", 1, TABLES, 1 << 20), "misplaced"),
    "weights off their alignment": (changed("neighbours", 1, TABLES + 1, 8), "misplaced"),
    "half a neighbour": (changed("neighbours", 2, 7, 3), "contradicts"),
    "more neighbours than points": (changed("neighbours", 2, 3, 1), "contradicts"),
    "a table without rows": (changed("neighbours", 3, SIZES, 0), "contradicts"),
    "more rows than the table": (changed("neighbours", 3, SIZES, 1 << 30), "misplaced"),
    "sums of no positions": (changed("neighbours", 3, SIZES + 1, 0), "contradicts"),
    "sums of a part of the positions": (changed("neighbours", 3, SIZES + 1, 3), "contradicts"),
    "a weight for some positions": (changed("neighbours", 3, 5, 1), "contradicts"),
    "weights that nobody has written": (changed("neighbours", 3, 4, 9), "contradicts"),
    "one class": (changed("coupling", 1, SIZES, 1), "contradicts"),
    "more classes than pairs": (changed("coupling", 1, SIZES, 4), "contradicts"),
    "classes beyond counting": (changed("coupling", 1, SIZES, 1 << 31), "contradicts"),
    "no room to work": (changed("coupling", 1, 7, 3), "contradicts"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_refuses_a_plan_that_is_wrong(fault: str) -> None:
    data, told = FAULTS[fault]
    with pytest.raises(PlanError, match=told):
        PlanScorer(data)
