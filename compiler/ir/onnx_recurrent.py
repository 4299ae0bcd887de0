"""ONNX's recurrent operators: RNN, GRU and LSTM, forward, backward and both."""

from math import prod

import numpy as np

from compiler.ir.networks import Cell, Recurrent
from compiler.ir.nodes import Floats, Node
from compiler.ir.onnx_registry import Lowered, Operator, operator
from compiler.ir.onnx_shapes import joined
from compiler.ir.onnx_tensors import Tensor, computed, places, select, taken, transposed
from device_contract.plan.format import Function

_ACTIVATIONS = {
    Cell.RNN: (["Tanh"], ["Relu"]),
    Cell.GRU: (["Sigmoid", "Tanh"],),
    Cell.LSTM: (["Sigmoid", "Tanh", "Tanh"],),
}
_SEQUENCE_LENGTHS, _INITIAL, _INITIAL_CELL, _PEEPHOLES = 4, 5, 6, 7


@operator("RNN", "GRU", "LSTM")
def _recurrent(given: Operator) -> list[Lowered]:
    by_row = bool(given.attribute("layout", 0))
    sequence = transposed(given.input(0), (1, 0, 2)) if by_row else given.input(0)
    steps, rows, _ = sequence.shape
    _require_plain(given, steps)
    direction = given.attribute("direction", "forward")
    backward = {"forward": [False], "reverse": [True], "bidirectional": [False, True]}[direction]
    batches = []
    for row in range(rows):
        source = taken(sequence, places(sequence)[:, row]).node
        networks = [_network(given, source, index, row, backward=back) for index, back in enumerate(backward)]
        batches.append(_outputs(networks, steps))
    outputs = [
        joined([batch[0] for batch in batches], 2),
        *(joined(list(last), 1) for last in list(zip(*batches, strict=True))[1:]),
    ]
    if by_row:
        outputs = [transposed(outputs[0], (2, 0, 1, 3)), *(transposed(each, (1, 0, 2)) for each in outputs[1:])]
    return list(outputs)


def _outputs(networks: list[Recurrent], steps: int) -> list[Tensor]:
    """Return the states (steps, directions, 1, hidden), the last ones, and the last cells, (directions, 1, hidden)."""
    hidden = networks[0].hidden
    states = [_part(network, 0, (steps, 1, 1, hidden)) for network in networks]
    last = [_part(network, 0 if network.backward else (steps - 1) * hidden, (1, 1, hidden)) for network in networks]
    outputs = [joined(states, 1), joined(last, 0)]
    if networks[0].cell is Cell.LSTM:
        outputs.append(joined([_part(network, (steps + 1) * hidden, (1, 1, hidden)) for network in networks], 0))
    return outputs


def _part(network: Recurrent, first: int, shape: tuple[int, ...]) -> Tensor:
    return computed(select(network, np.arange(first, first + prod(shape))), shape)


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


def _network(given: Operator, source: Node, index: int, row: int, *, backward: bool) -> Recurrent:
    cell = Cell[given.name]
    hidden = given.attributes["hidden_size"]
    weights, own_weights = (given.constant(place)[index].astype(np.float64) for place in (1, 2))
    bases = given.constant(3)[index] if given.has(3) else np.zeros(2 * cell.value * hidden)
    base, own_base = np.split(bases.astype(np.float64), 2)
    return Recurrent(
        cell,
        source,
        weights,
        base,
        own_weights,
        own_base,
        _initial(given, _INITIAL, index, row),
        _initial(given, _INITIAL_CELL, index, row),
        _activation(given, cell, index),
        backward,
        reset_after=bool(given.attribute("linear_before_reset", 0)),
    )


def _initial(given: Operator, place: int, index: int, row: int) -> Floats:
    if not given.has(place):
        return np.zeros(given.attributes["hidden_size"])
    states = given.constant(place).astype(np.float64)
    return np.asarray(states[row, index] if given.attribute("layout", 0) else states[index, row])
