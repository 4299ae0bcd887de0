"""The registry of what emits which node."""

from dataclasses import dataclass
from functools import singledispatch
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compiler.errors import UnsupportedModelError
from compiler.ir.nodes import Node
from device_contract.plan.format import Operation, Range


@dataclass(frozen=True)
class Emission:
    """What an operation needs to know beside its node.

    Attributes:
        inputs: Where the node's operands lie.
        output: Where its results go.
        single_precision: The workspace holds float32.
        reference: Rows like those of the training, float32 (n_rows, n_features), to explain scores by.
    """

    inputs: tuple[Range, ...]
    output: Range
    single_precision: bool
    reference: NDArray[np.float32] | None = None

    def values(self, numbers: NDArray[Any]) -> bytes:
        """Return a table of numbers of the workspace's own type."""
        return np.ascontiguousarray(numbers, "<f4" if self.single_precision else "<f8").tobytes()


@singledispatch
def operation_for(node: Node, emission: Emission) -> list[Operation]:
    """Return the operations of a node, most often one; each file registers its nodes.

    Raises:
        UnsupportedModelError: There is none, or the node's numbers are not finite.
    """
    raise UnsupportedModelError(f"{type(node).__name__} in {emission.output} is not one that a plan can express")


def doubles(numbers: NDArray[Any]) -> bytes:
    """Return a table of float64."""
    return np.ascontiguousarray(numbers, "<f8").tobytes()


def indices(numbers: NDArray[Any] | tuple[int, ...] | range) -> bytes:
    """Return a table of uint32."""
    return np.ascontiguousarray(numbers, "<u4").tobytes()


def require_finite(what: str, *tables: NDArray[Any]) -> None:
    """Refuse NaN and infinity.

    Raises:
        UnsupportedModelError: There is one.
    """
    if not all(np.isfinite(table).all() for table in tables):
        raise UnsupportedModelError(f"the model's {what} are not all finite")
