"""Convolutions, pools and recurrent networks."""

import numpy as np

from compiler.backends.operations.emission import Emission, operation_for, require_finite
from compiler.ir.networks import (
    CHANNELS_AT_ONCE,
    OUTPUTS_AT_ONCE,
    Cell,
    Choose,
    Convolution,
    Pad,
    Pool,
    Recurrent,
    Window,
)
from compiler.ir.nodes import Floats
from device_contract.plan.format import Kind, Operation

_KINDS = {Cell.RNN: Kind.RNN, Cell.GRU: Kind.GRU, Cell.LSTM: Kind.LSTM}


@operation_for.register
def _(node: Convolution, emission: Emission) -> list[Operation]:
    require_finite("coefficients", node.weights, node.base)
    sizes = (*_window(node.source.width, node.window), node.groups)
    tables = tuple(map(emission.values, _side_by_side(node.weights, node.base, node.groups)))
    return [
        Operation(
            Kind.CONVOLUTION,
            emission.output,
            emission.inputs[0],
            sizes=sizes,
            parameters=(node.least,),
            tables=tables,
        )
    ]


def _window(width: int, window: Window) -> tuple[int, ...]:
    return (width // window.length, window.length, window.width, window.stride, window.dilation)


def _side_by_side(weights: Floats, base: Floats, groups: int) -> tuple[Floats, Floats]:
    """Put the weights of four filters of a group beside one another, filled up with zeros."""
    filters = len(base) // groups
    filling = ((0, 0), (0, -filters % CHANNELS_AT_ONCE))
    grouped = np.pad(weights.reshape(groups, filters, *weights.shape[1:]), (*filling, (0, 0), (0, 0)))
    tiles = grouped.reshape(groups, -1, CHANNELS_AT_ONCE, *weights.shape[1:])
    return np.moveaxis(tiles, 2, 4), np.pad(base.reshape(groups, filters), filling)


@operation_for.register
def _(node: Pad, emission: Emission) -> list[Operation]:
    sizes = (node.source.width // node.length, node.length, node.before, node.after)
    parameters = (node.padding,)
    return [Operation(Kind.PAD, emission.output, emission.inputs[0], sizes=sizes, parameters=parameters)]


@operation_for.register
def _(node: Pool, emission: Emission) -> list[Operation]:
    sizes = _window(node.source.width, node.window)
    return [Operation(Kind.POOL, emission.output, emission.inputs[0], function=node.function, sizes=sizes)]


@operation_for.register
def _(node: Recurrent, emission: Emission) -> list[Operation]:
    require_finite("coefficients", node.weights, node.base, node.own_weights, node.own_base)
    n = node.hidden
    own = 2 * n if node.cell is Cell.GRU else len(node.own_base)  # a GRU's candidate comes apart
    projections = [
        *_projection(node.weights, node.base),
        *_projection(node.own_weights[:own], node.own_base[:own]),
        *_projection(node.own_weights[own:], node.own_base[own:]),
        node.initial,
        node.initial_cell,
    ]
    return [
        Operation(
            _KINDS[node.cell],
            emission.output,
            emission.inputs[0],
            function=node.activation if node.cell is Cell.RNN else 0,
            sizes=(node.steps, node.weights.shape[1], n, int(node.backward), int(node.reset_after)),
            tables=tuple(map(emission.values, projections)),
        )
    ]


def _projection(weights: Floats, base: Floats) -> tuple[Floats, Floats]:
    """Put the weights of sixteen outputs beside one another, filled up with zeros."""
    filling = (0, -len(base) % OUTPUTS_AT_ONCE)
    tiles = np.pad(weights, (filling, (0, 0))).reshape(-1, OUTPUTS_AT_ONCE, weights.shape[1])
    return tiles.transpose(0, 2, 1), np.pad(base, filling)


@operation_for.register
def _(_: Choose, emission: Emission) -> list[Operation]:
    return [Operation(Kind.CHOOSE, emission.output, emission.inputs[0])]
