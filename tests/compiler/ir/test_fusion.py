"""The one law of fusion: for every float32 x, x <= fused threshold exactly when scaled x <= threshold."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compiler.ir.fusion import round_down, simplify
from compiler.ir.nodes import Floats, MapConstant, Node, Row, Tree, TreeEnsemble
from device_contract.plan.format import Function

INFINITY = np.float32(np.inf)
numbers = st.floats(-1e9, 1e9)
factors = st.floats(1e-6, 1e6)
steps = st.lists(
    st.one_of(
        st.tuples(st.sampled_from([Function.ADD, Function.SUBTRACT]), numbers),
        st.tuples(st.sampled_from([Function.MULTIPLY, Function.DIVIDE]), factors),
    ),
    max_size=3,
)
thresholds = st.one_of(numbers, st.floats(allow_nan=False))


def stump(threshold: float) -> Tree:
    return Tree(
        feature=np.zeros(3, np.int64),
        threshold=np.array([threshold, 0.0, 0.0]),
        left=np.array([1, -1, -1]),
        right=np.array([2, -1, -1]),
        missing_left=np.zeros(3, bool),
        values=np.array([[0.0], [1.0], [2.0]]),
        output=0,
    )


def fused_threshold(threshold: float, chain: list[tuple[Function, float]], *, rounds_row: bool) -> np.float32:
    source: Node = Row(1)
    for function, operand in chain:
        source = MapConstant(function, source, np.array([operand]))
    trees = TreeEnsemble(source, (stump(threshold),), np.zeros(1), 1.0, rounds_row=rounds_row, takes_missing=True)
    fused = simplify(trees)
    assert isinstance(fused, TreeEnsemble)
    assert isinstance(fused.source, Row)
    return np.float32(fused.trees[0].threshold[0])


def goes_left(x: np.float32, threshold: float, chain: list[tuple[Function, float]], *, rounds_row: bool) -> bool:
    operators = {
        Function.ADD: np.add,
        Function.SUBTRACT: np.subtract,
        Function.MULTIPLY: np.multiply,
        Function.DIVIDE: np.divide,
    }
    value: Floats = np.array([x], np.float64)
    with np.errstate(over="ignore"):
        for name, operand in chain:
            value = operators[name](value, operand)
        compared = value.astype(np.float32).astype(np.float64) if rounds_row else value
    return bool(compared[0] <= np.float64(threshold))


@given(threshold=thresholds, chain=steps, rounds_row=st.booleans())
def test_the_fused_threshold_is_the_last_float32_that_goes_left(
    threshold: float,
    chain: list[tuple[Function, float]],
    rounds_row: bool,  # noqa: FBT001
) -> None:
    fused = fused_threshold(threshold, chain, rounds_row=rounds_row)
    if not chain:
        rounds_row = False
    assert goes_left(fused, threshold, chain, rounds_row=rounds_row)
    if fused != INFINITY:
        with np.errstate(over="ignore"):
            following = np.nextafter(fused, INFINITY)
        assert not goes_left(following, threshold, chain, rounds_row=rounds_row)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.5, 0.5),
        (0.1, np.nextafter(np.float32(0.1), -INFINITY)),  # float32(0.1) lies above the double
        (-0.1, np.float32(-0.1)),
        (1e300, np.finfo(np.float32).max),
        (-1e300, -np.inf),
        (np.inf, np.inf),
        (1e-300, 0.0),
        (-1e-300, -np.finfo(np.float32).smallest_subnormal),
    ],
)
def test_rounds_down(value: float, expected: float) -> None:
    assert round_down(np.array([value]))[0] == expected
