"""Nodes of neural networks over signals: vectors that are seen as (channels, positions)."""

from dataclasses import dataclass
from enum import Enum

import numpy as np

from compiler.ir.nodes import Floats, Node, Unary
from device_contract.plan.format import Function, Reduction

CHANNELS_AT_ONCE = 4
OUTPUTS_AT_ONCE = 16
"""As in ``kernels.h``: tables of weights are filled up to multiples of these."""


@dataclass(frozen=True)
class Window:
    """What moves over the positions of each channel.

    Attributes:
        length: Positions of a channel.
        width: Taps.
        stride: Positions from one window to the next.
        dilation: Positions from one tap to the next.
    """

    length: int
    width: int
    stride: int = 1
    dilation: int = 1

    @property
    def positions(self) -> int:
        """How many windows there are; 0 or less if not even one fits."""
        return (self.length - 1 - (self.width - 1) * self.dilation) // self.stride + 1


@dataclass(frozen=True, eq=False)
class Pad(Unary):
    """Each channel with a number before and after it.

    Attributes:
        length: Positions of a channel in the source.
    """

    source: Node
    length: int
    before: int
    after: int
    padding: float = 0.0

    @property
    def width(self) -> int:
        """Channels times padded positions."""
        return self.source.width // self.length * (self.before + self.length + self.after)


@dataclass(frozen=True, eq=False)
class Convolution(Unary):
    """Filters over windows: (filters, window.positions).

    Attributes:
        window: Over the source, (channels, window.length).
        weights: float64 (filters, channels of a group, window.width).
        base: float64 (filters,).
        groups: Filters and channels in so many parts, each part for itself.
        least: What a sum becomes that is below it.
    """

    source: Node
    window: Window
    weights: Floats
    base: Floats
    groups: int = 1
    least: float = -np.inf

    @property
    def width(self) -> int:
        """Filters times windows."""
        return len(self.base) * self.window.positions


@dataclass(frozen=True, eq=False)
class Pool(Unary):
    """The greatest or the sum of each window of each channel."""

    function: Reduction
    source: Node
    window: Window

    @property
    def width(self) -> int:
        """Channels times windows."""
        return self.source.width // self.window.length * self.window.positions


class Cell(Enum):
    """What a recurrent network is made of; the value is its number of gates."""

    RNN = 1
    GRU = 3
    LSTM = 4


@dataclass(frozen=True, eq=False)
class Recurrent(Unary):
    """A recurrent network over the whole source, (steps, inputs): the states (steps, hidden), then what it worked with.

    Attributes:
        weights: float64 (gates * hidden, inputs), the gates in ONNX's order.
        base: float64 (gates * hidden,).
        own_weights: float64 (gates * hidden, hidden), of the state.
        own_base: float64 (gates * hidden,).
        initial: The state before the first step, float64 (hidden,).
        initial_cell: Of an LSTM, float64 (hidden,).
        activation: Of an RNN: tanh or the rectifier.
        backward: From the last step to the first.
        reset_after: A GRU's reset gate scales the projected state, not the state.
    """

    cell: Cell
    source: Node
    weights: Floats
    base: Floats
    own_weights: Floats
    own_base: Floats
    initial: Floats
    initial_cell: Floats
    activation: Function = Function.TANH
    backward: bool = False
    reset_after: bool = False

    @property
    def hidden(self) -> int:
        """Width of a state."""
        return len(self.initial)

    @property
    def steps(self) -> int:
        """Length of the sequence."""
        return self.source.width // int(self.weights.shape[1])

    @property
    def width(self) -> int:
        """The states, and the room that the operation works in."""
        hidden = self.hidden
        if self.cell is Cell.GRU:
            scratch = 2 * hidden + filled(3 * hidden) + filled(2 * hidden) + filled(hidden)
        elif self.cell is Cell.LSTM:
            scratch = 2 * hidden + 2 * filled(4 * hidden)
        else:
            scratch = hidden + 2 * filled(hidden)
        return self.steps * hidden + scratch


def filled(outputs: int) -> int:
    """Return outputs filled up to what a projection computes at once."""
    return -(-outputs // OUTPUTS_AT_ONCE) * OUTPUTS_AT_ONCE


@dataclass(frozen=True, eq=False)
class Choose(Unary):
    """Of a source (condition, first, second): the first where the condition is not 0, else the second."""

    source: Node

    @property
    def width(self) -> int:
        """A third of the source."""
        return self.source.width // 3
