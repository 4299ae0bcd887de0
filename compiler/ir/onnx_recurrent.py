"""ONNX's recurrent operators: RNN, GRU and LSTM, forward, backward and both."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from compiler.ir.networks import Cell, Recurrent
from compiler.ir.nodes import Node
from compiler.ir.onnx_registry import Lowered, Operator, operator
from compiler.ir.onnx_shapes import joined
from compiler.ir.onnx_tensors import Tensor, computed, select, transposed
from device_contract.plan.format import Function

_ACTIVATIONS = {
    Cell.RNN: (["Tanh"], ["Relu"]),
    Cell.GRU: (["Sigmoid", "Tanh"],),
    Cell.LSTM: (["Sigmoid", "Tanh", "Tanh"],),
}
_SEQUENCE_LENGTHS, _INITIAL, _INITIAL_CELL, _PEEPHOLES = 4, 5, 6, 7


@operator("RNN", "GRU", "LSTM")
def _recurrent(given: Operator) -> list[Lowered]:
    cell = Cell[given.name]
    by_row = bool(given.attribute("layout", 0))
    sequence = given.input(0)
    steps = sequence.shape[1 if by_row else 0]
    given.require(sequence.shape[0 if by_row else 1] == 1, "over a sequence whose batch is not its own axis")
    _require_plain(given, steps)
    direction = given.attribute("direction", "forward")
    backward = {"forward": [False], "reverse": [True], "bidirectional": [False, True]}[direction]
    networks = [_network(given, cell, index, reads_back) for index, reads_back in enumerate(backward)]
    hidden = networks[0].hidden
    states = [_part(network, 0, (steps, 1, 1, hidden)) for network in networks]
    last = [_part(network, 0 if network.backward else (steps - 1) * hidden, (1, 1, hidden)) for network in networks]
    outputs = [joined(states, 1), joined(last, 0)]
    if cell is Cell.LSTM:
        outputs.append(joined([_part(network, (steps + 1) * hidden, (1, 1, hidden)) for network in networks], 0))
    if by_row:
        outputs = [transposed(outputs[0], (2, 0, 1, 3)), *(transposed(each, (1, 0, 2)) for each in outputs[1:])]
    return list(outputs)


def _part(network: Recurrent, first: int, shape: tuple[int, ...]) -> Tensor:
    width = int(np.prod(shape))
    node: Node = select(network, np.arange(first, first + width))
    return computed(node, shape)


def _require_plain(given: Operator, steps: int) -> None:
    given.require("clip" not in given.attributes, "with clipped activations")
    given.require(not given.attribute("input_forget", 0), "with coupled gates")
    if given.has(_SEQUENCE_LENGTHS):
        given.require(bool((given.constant(_SEQUENCE_LENGTHS) == steps).all()), "over sequences of several lengths")
    if given.has(_PEEPHOLES):
        given.require(not given.constant(_PEEPHOLES).any(), "with peepholes")


def _activation(given: Operator, cell: Cell, index: int) -> Function:
    known = _ACTIVATIONS[cell]
    names = [name.decode().capitalize() for name in given.attribute("activations", [])]
    own = names[index * len(known[0]) : (index + 1) * len(known[0])] or known[0]
    given.require(own in known, f"with the activations {', '.join(own)}")
    return Function.RELU if own == ["Relu"] else Function.TANH


def _network(given: Operator, cell: Cell, index: int, backward: bool) -> Recurrent:  # noqa: FBT001  (one of a pair)
    hidden = given.attributes["hidden_size"]
    weights, own_weights = (given.constant(place)[index].astype(np.float64) for place in (1, 2))
    bases = given.constant(3)[index] if given.has(3) else np.zeros(2 * cell.value * hidden)
    base, own_base = np.split(bases.astype(np.float64), 2)
    return Recurrent(
        cell,
        given.input(0).node,
        weights,
        base,
        own_weights,
        own_base,
        _initial(given, _INITIAL, index, hidden),
        _initial(given, _INITIAL_CELL, index, hidden),
        _activation(given, cell, index),
        backward,
        reset_after=bool(given.attribute("linear_before_reset", 0)),
    )


def _initial(given: Operator, place: int, index: int, hidden: int) -> NDArray[Any]:
    if not given.has(place):
        return np.zeros(hidden)
    states = given.constant(place)
    axis = 1 if given.attribute("layout", 0) else 0
    given.require(states.shape[1 - axis] == 1, "with an initial state for each row")
    return np.asarray(np.take(states, index, axis=axis), np.float64).reshape(-1)
