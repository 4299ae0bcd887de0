"""Convolutions and recurrent networks: what the golden plan gives, and the faults that the check finds."""

import struct
from typing import Any

import numpy as np
import pytest

from device_contract.errors import PlanError
from device_contract.plan.format import HEADER, OPERATION
from device_contract.plan.scorer import PlanScorer
from tests.device_contract.plan.plans import PLANS

ROW = np.array([0.5, -1.0, 2.0, 0.25, 1.0, 0.0, -0.5, 3.0], np.float32)
CONVOLUTION, POOL, GRU, LSTM, RNN, CHOOSE = 2, 3, 4, 5, 6, 7
FUNCTION, INPUT_WIDTH, OUTPUT_WIDTH, SIZES, TABLES = 4, 12, 28, 32, 96


def sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def pooled() -> Any:
    """Return what the recurrent networks of the plan are given: (steps, inputs)."""
    padded = np.pad(ROW.reshape(2, 4).astype(float), ((0, 0), (1, 1)), constant_values=0.5)
    taps = np.arange(6.0).reshape(2, 3)
    weights = np.stack([1 - taps, 0.5 * taps, np.full((2, 3), -0.25)])
    windows = np.lib.stride_tricks.sliding_window_view(padded, 3, axis=1)
    sums = np.einsum("ock,cpk->op", weights, windows) + np.array([[0.5], [-0.5], [1.0]])
    return np.maximum(sums, -0.25).reshape(3, 2, 2).max(axis=2).reshape(3, 2)


def gru(inputs: Any) -> list[float]:
    weights = np.array([[0.5, -0.25 * gate] for gate in range(6)])
    own = np.array([[0.25, 0.125 * gate] for gate in range(4)])
    state, states = np.zeros(2), []
    for given in inputs:
        x = weights @ given + np.arange(1, 7) / 10
        update, reset = np.split(sigmoid(x[:4] + own @ state), 2)
        candidate = np.tanh(x[4:] + np.array([[0.5, -0.5], [1.0, 0.25]]) @ (reset * state) + [0.25, -0.25])
        state = (1 - update) * candidate + update * state
        states += state.tolist()
    return states


def lstm_backward(inputs: Any) -> list[float]:
    weights = np.array([[0.5, -0.25 * gate] for gate in range(8)])
    own = np.array([[0.25, 0.125 * gate] for gate in range(8)])
    state, cell, states = np.array([0.5, -0.5]), np.array([0.0, 1.0]), []
    for given in inputs[::-1]:
        let_in, let_out, forget, candidate = np.split(weights @ given + np.arange(8) / 10 + own @ state, 4)
        cell = sigmoid(forget) * cell + sigmoid(let_in) * np.tanh(candidate)
        state = sigmoid(let_out) * np.tanh(cell)
        states = [*state.tolist(), *states]
    return states


def rnn(inputs: Any) -> list[float]:
    state, states = 0.0, []
    for given in inputs:
        state = float(np.tanh(given @ [0.5, -0.5] + 0.125 + 0.75 * state))
        states.append(state)
    return states


def test_convolves_pools_and_remembers() -> None:
    states = rnn(pooled())
    chosen = states[1] if states[0] != 0 else states[2]
    expected = [*gru(pooled()), *lstm_backward(pooled()), chosen]
    assert PlanScorer(PLANS["networks"]).score(ROW) == pytest.approx(expected, rel=2e-6, abs=2e-7)


def changed(operation: int, field: int, value: int) -> bytes:
    data = bytearray(PLANS["networks"])
    struct.pack_into("<I", data, HEADER.size + operation * OPERATION.size + field, value)
    return bytes(data)


FAULTS = {
    "window wider than its input": (changed(CONVOLUTION, SIZES + 8, 7), "contradicts"),
    "window of no taps": (changed(CONVOLUTION, SIZES + 8, 0), "contradicts"),
    "window that does not move": (changed(POOL, SIZES + 12, 0), "contradicts"),
    "taps in one place": (changed(POOL, SIZES + 16, 0), "contradicts"),
    "taps past the input": (changed(POOL, SIZES + 16, 1 << 31), "contradicts"),
    "channels that are not there": (changed(CONVOLUTION, SIZES, 3), "contradicts"),
    "no channels": (changed(POOL, SIZES, 0), "contradicts"),
    "groups that do not part the channels": (changed(CONVOLUTION, SIZES + 20, 4), "contradicts"),
    "no groups": (changed(CONVOLUTION, SIZES + 20, 0), "contradicts"),
    "filters without weights": (changed(CONVOLUTION, TABLES, 1 << 30), "misplaced"),
    "pool of another function": (changed(POOL, FUNCTION, 2), "contradicts"),
    "pad of no channels": (changed(1, SIZES, 0), "contradicts"),
    "pad of more than the output": (changed(1, SIZES + 8, 2), "contradicts"),
    "pad that wraps": (changed(1, SIZES + 12, 0xFFFFFFFF), "contradicts"),
    "sequence of no steps": (changed(GRU, SIZES, 0), "contradicts"),
    "sequence longer than its input": (changed(GRU, SIZES, 4), "contradicts"),
    "no hidden values": (changed(LSTM, SIZES + 8, 0), "contradicts"),
    "more hidden values than room": (changed(LSTM, SIZES + 8, 3), "contradicts"),
    "hidden values that wrap": (changed(RNN, SIZES + 8, 0xFFFFFFFF), "contradicts"),
    "recurrent network of another function": (changed(RNN, FUNCTION, 1), "contradicts"),
    "candidate without weights": (changed(GRU, TABLES + 16, 0), "misplaced"),
    "cell without a start": (changed(LSTM, TABLES + 28, 0), "misplaced"),
    "choice among two": (changed(CHOOSE, INPUT_WIDTH, 2), "contradicts"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_refuses_a_network_that_is_wrong(fault: str) -> None:
    data, told = FAULTS[fault]
    with pytest.raises(PlanError, match=told):
        PlanScorer(data)
