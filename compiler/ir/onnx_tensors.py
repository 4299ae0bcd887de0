"""What flows through an ONNX graph while it is lowered: tensors of one row, with static shapes.

A graph is lowered for a batch of one row, so that the batch's axis is 1 wherever it stands,
every shape is known, and a tensor is a vector in C order. What mixes the rows of a batch is
then lowered to something else, which the proof against the original model shows.
"""

import dataclasses
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compiler.errors import UnsupportedModelError
from compiler.ir.nodes import Concatenate, Constant, MapConstant, Node, Select
from device_contract.plan.format import MAX_VALUES

Indices = NDArray[np.int64]


@dataclass(frozen=True)
class Tensor:
    """A tensor of one row, or a constant.

    Attributes:
        shape: Of a batch of one row.
        dtype: As in the ONNX graph; a plan computes with floats, 0 and 1 for booleans.
        source: The node of its numbers in C order; a constant has none.
        constant: The numbers of a constant, of ``shape``.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    source: Node | None = None
    constant: NDArray[Any] | None = None

    def __post_init__(self) -> None:
        if self.constant is None and not 0 < prod(self.shape) <= MAX_VALUES:
            raise UnsupportedModelError(f"a plan cannot express a tensor of shape {self.shape}")

    @property
    def size(self) -> int:
        """How many numbers it has."""
        return prod(self.shape)

    @property
    def as_scaled(self) -> Node:
        """The node as it stands: steps that round to float32 can be folded into trees and matrices."""
        if self.source is None:
            return Constant(np.asarray(self.constant, np.float64).reshape(-1))
        return self.source

    @property
    def node(self) -> Node:
        """The node for any other use, for which no step rounds by itself."""
        return _unrounded(self.as_scaled)


def constant(values: Any) -> Tensor:
    """Return a constant tensor."""
    array = np.asarray(values)
    return Tensor(array.shape, array.dtype, constant=array)


def computed(node: Node, shape: tuple[int, ...], dtype: Any = np.float32) -> Tensor:
    """Return a tensor that is computed from the row.

    Raises:
        ValueError: The shape has not as many numbers as the node.
    """
    if node.width != prod(shape):
        raise ValueError(f"{node.width} numbers make no tensor of shape {shape}")
    return Tensor(tuple(int(size) for size in shape), np.dtype(dtype), source=node)


def reshaped(tensor: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Return the same numbers in another shape."""
    if tensor.constant is not None:
        return constant(tensor.constant.reshape(shape))
    return dataclasses.replace(tensor, shape=tuple(int(size) for size in shape))


def places(tensor: Tensor) -> Indices:
    """Return the position of each of a tensor's numbers, in its shape."""
    return np.arange(tensor.size).reshape(tensor.shape)


def taken(tensor: Tensor, indices: Indices) -> Tensor:
    """Return a tensor made of some of another's numbers, in the shape of their positions."""
    if tensor.constant is not None:
        return constant(tensor.constant.reshape(-1)[indices])
    return Tensor(indices.shape, tensor.dtype, source=select(tensor.as_scaled, indices.reshape(-1)))


def select(node: Node, indices: Indices) -> Node:
    """Return some of a node's numbers; all of them in order is the node itself."""
    if isinstance(node, Select):
        indices, node = np.asarray(node.indices)[indices], node.source
    if len(indices) == node.width and (indices == np.arange(node.width)).all():
        return node
    return Select(_unrounded(node), tuple(indices.tolist()))


def broadcast(tensor: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Return a tensor repeated to a shape.

    Raises:
        UnsupportedModelError: The shapes do not go together.
    """
    if tensor.shape == shape:
        return tensor
    try:
        return taken(tensor, np.broadcast_to(places(tensor), shape))
    except ValueError as error:
        raise UnsupportedModelError(f"the ONNX model has shapes that do not go together: {error}") from error


def transposed(tensor: Tensor, axes: tuple[int, ...]) -> Tensor:
    """Return a tensor with its axes in another order."""
    return taken(tensor, places(tensor).transpose(axes))


def with_constant(node: Node, value: float) -> Node:
    """Return a node with one more number behind it, for padding to point at."""
    return Concatenate((node, Constant(np.array([value]))))


def _unrounded(node: Node) -> Node:
    steps = []
    while isinstance(node, MapConstant) and node.rounds:
        steps.append(node)
        node = node.source
    for step in reversed(steps):
        node = MapConstant(step.function, node, step.constants)
    return node
