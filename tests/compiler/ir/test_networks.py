"""Convolutions, pools and recurrent networks of every shape, held to numpy; one row and many give the same bits."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from compiler.backends.plan import emit
from compiler.ir.networks import Cell, Convolution, Pad, Pool, Recurrent, Window
from compiler.ir.nodes import Graph, Node, Row
from device_contract.plan.format import Function, Reduction
from device_contract.plan.scorer import PlanScorer

TOLERANCE = {True: 2e-5, False: 1e-12}


def scores_of(node: Node, row: Row, rows: NDArray[np.float32], *, single: bool) -> NDArray[np.float64]:
    scorer = PlanScorer(emit(Graph(row, node, single_precision=single)))
    together, alone = np.empty((2, len(rows), scorer.n_outputs))
    scorer.score_batch(rows, len(rows), together)
    for one, scores in zip(rows, alone, strict=True):
        scorer.score_into(one, scores)
    assert together.tobytes() == alone.tobytes()
    return together


@st.composite
def windows(draw: Any) -> Window:
    width, dilation = draw(st.integers(1, 4)), draw(st.integers(1, 3))
    return Window((width - 1) * dilation + draw(st.integers(1, 40)), width, draw(st.integers(1, 3)), dilation)


def seen(rows: NDArray[Any], window: Window) -> NDArray[Any]:
    """Return the windows of each channel: (n_rows, channels, windows, taps)."""
    reach = (window.width - 1) * window.dilation + 1
    views = np.lib.stride_tricks.sliding_window_view(rows, reach, axis=2)
    return views[:, :, :: window.stride, :: window.dilation]


@settings(max_examples=40)
@given(
    window=windows(),
    groups=st.integers(1, 3),
    channels=st.integers(1, 3),
    filters=st.integers(1, 6),
    single=st.booleans(),
)
def test_convolves_as_numpy_does(window: Window, groups: int, channels: int, filters: int, *, single: bool) -> None:
    numbers = np.random.default_rng(window.length)
    rows = numbers.normal(size=(19, groups * channels * window.length)).astype(np.float32)
    weights, base = (
        numbers.normal(size=(groups * filters, channels, window.width)),
        numbers.normal(size=groups * filters),
    )
    row = Row(rows.shape[1])
    scores = scores_of(Convolution(row, window, weights, base, groups, least=-0.5), row, rows, single=single)
    taken = seen(rows.reshape(19, -1, window.length).astype(float), window)
    parted = taken.reshape(19, groups, channels, window.positions, window.width)
    sums = np.einsum("gock,ngcpk->ngop", weights.reshape(groups, filters, channels, window.width), parted)
    right = np.maximum(sums.reshape(19, groups * filters, -1) + base[:, None], -0.5).reshape(19, -1)
    np.testing.assert_allclose(scores, right, rtol=0, atol=TOLERANCE[single])


@settings(max_examples=40)
@given(
    window=windows(),
    channels=st.integers(1, 7),
    function=st.sampled_from([Reduction.GREATEST, Reduction.SUM]),
    single=st.booleans(),
)
def test_pools_as_numpy_does(window: Window, channels: int, function: Reduction, *, single: bool) -> None:
    rows = np.random.default_rng(window.length).normal(size=(19, channels * window.length)).astype(np.float32)
    row = Row(rows.shape[1])
    scores = scores_of(Pool(function, row, window), row, rows, single=single)
    taken = seen(rows.reshape(19, channels, -1).astype(float), window)
    right = taken.max(axis=3) if function == Reduction.GREATEST else taken.sum(axis=3)
    np.testing.assert_allclose(scores, right.reshape(19, -1), rtol=0, atol=TOLERANCE[single])


@pytest.mark.parametrize(("before", "after"), [(0, 2), (3, 0), (1, 1)])
def test_pads_each_channel(before: int, after: int) -> None:
    rows = np.arange(12, dtype=np.float32).reshape(2, 6)
    row = Row(6)
    scores = scores_of(Pad(row, 3, before, after, -1.5), row, rows, single=True)
    padded = np.pad(rows.reshape(2, 2, 3), ((0, 0), (0, 0), (before, after)), constant_values=-1.5)
    np.testing.assert_array_equal(scores, padded.reshape(2, -1))


def sigmoid(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return 1 / (1 + np.exp(-x))


def states_by_numpy(node: Recurrent, rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Run ONNX's equations; returns the states, (n_rows, steps * hidden)."""
    n, steps = node.hidden, node.steps
    state, cell = np.tile(node.initial, (len(rows), 1)), np.tile(node.initial_cell, (len(rows), 1))
    states = np.empty((len(rows), steps, n))
    sequence = rows.reshape(len(rows), steps, -1)
    for step in reversed(range(steps)) if node.backward else range(steps):
        x = sequence[:, step] @ node.weights.T + node.base
        h = state @ node.own_weights.T + node.own_base
        if node.cell is Cell.RNN:
            state = np.tanh(x + h)
        elif node.cell is Cell.LSTM:
            let_in, let_out, forget, candidate = np.split(x + h, 4, axis=1)
            cell = sigmoid(forget) * cell + sigmoid(let_in) * np.tanh(candidate)
            state = sigmoid(let_out) * np.tanh(cell)
        else:
            update, reset = sigmoid(x[:, :n] + h[:, :n]), sigmoid(x[:, n : 2 * n] + h[:, n : 2 * n])
            own = reset * h[:, 2 * n :]
            if not node.reset_after:
                own = (reset * state) @ node.own_weights[2 * n :].T + node.own_base[2 * n :]
            state = (1 - update) * np.tanh(x[:, 2 * n :] + own) + update * state
        states[:, step] = state
    return states.reshape(len(rows), -1)


@settings(max_examples=40)
@given(
    cell=st.sampled_from(Cell),
    steps=st.integers(1, 6),
    inputs=st.integers(1, 5),
    hidden=st.integers(1, 20),
    backward=st.booleans(),
    reset_after=st.booleans(),
    single=st.booleans(),
)
def test_remembers_as_numpy_does(  # noqa: PLR0913  (the shapes of a network)
    cell: Cell, steps: int, inputs: int, hidden: int, *, backward: bool, reset_after: bool, single: bool
) -> None:
    numbers = np.random.default_rng(hidden)
    row = Row(steps * inputs)
    node = Recurrent(
        cell,
        row,
        numbers.normal(size=(cell.value * hidden, inputs)),
        numbers.normal(size=cell.value * hidden),
        numbers.normal(size=(cell.value * hidden, hidden)),
        numbers.normal(size=cell.value * hidden),
        numbers.normal(size=hidden),
        numbers.normal(size=hidden),
        Function.TANH,
        backward,
        reset_after=reset_after,
    )
    rows = numbers.normal(size=(19, steps * inputs)).astype(np.float32)
    scores = scores_of(node, row, rows, single=single)[:, : steps * hidden]
    np.testing.assert_allclose(scores, states_by_numpy(node, rows.astype(float)), rtol=0, atol=10 * TOLERANCE[single])
