"""Which function lowers which ONNX operator."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from compiler.errors import UnsupportedModelError
from compiler.ir.onnx_tensors import Tensor


@dataclass(frozen=True)
class Operator:
    """One node of an ONNX graph, its inputs lowered.

    Attributes:
        name: Its kind.
        version: Of the operator set that it belongs to.
        attributes: By name; text is bytes.
        inputs: ``None`` where an optional one is left out.
        n_outputs: How many it gives.
        used_once: Nothing else reads its first input.
        rounds: Arithmetic rounds to float32, though the plan computes with float64.
    """

    name: str
    version: int
    attributes: Mapping[str, Any]
    inputs: Sequence[Tensor | None]
    n_outputs: int
    used_once: bool
    rounds: bool

    def has(self, index: int) -> bool:
        """Tell whether an optional input is given."""
        return index < len(self.inputs) and self.inputs[index] is not None

    def input(self, index: int = 0) -> Tensor:
        """Return an input.

        Raises:
            UnsupportedModelError: It is left out.
        """
        tensor = self.inputs[index] if index < len(self.inputs) else None
        if tensor is None:
            raise self.unsupported(f"without its input {index}")
        return tensor

    def constant(self, index: int) -> NDArray[Any]:
        """Return an input that does not depend on the row.

        Raises:
            UnsupportedModelError: It does.
        """
        values = self.input(index).constant
        if values is None:
            raise self.unsupported(f"whose input {index} depends on the row")
        return values

    def attribute(self, name: str, default: Any) -> Any:
        """Return an attribute; text as str."""
        value = self.attributes.get(name, default)
        return value.decode() if isinstance(value, bytes) else value

    def numbers(self, name: str, index: int) -> list[int] | None:
        """Return integers that older operator sets keep in an attribute, newer ones in an input."""
        if name in self.attributes:
            return [int(number) for number in np.atleast_1d(self.attributes[name])]
        return [int(number) for number in np.atleast_1d(self.constant(index))] if self.has(index) else None

    def unsupported(self, how: str) -> UnsupportedModelError:
        """Return the error that says which variant of the operator a plan cannot express."""
        return UnsupportedModelError(f"a plan cannot express the ONNX operator {self.name} {how}")

    def require(self, condition: bool, otherwise: str) -> None:  # noqa: FBT001  (reads as a sentence)
        """Refuse a variant.

        Raises:
            UnsupportedModelError: The condition does not hold.
        """
        if not condition:
            raise self.unsupported(otherwise)


Lowered = Tensor | None
OperatorLowering = Callable[[Operator], Tensor | Sequence[Lowered]]

_LOWERINGS: Final[dict[str, OperatorLowering]] = {}


def operator(*names: str) -> Callable[[OperatorLowering], OperatorLowering]:
    """Register a function as what lowers these operators; it returns the outputs, ``None`` for those it cannot give."""

    def register(lowering: OperatorLowering) -> OperatorLowering:
        for name in names:
            _LOWERINGS[name] = lowering
        return lowering

    return register


def lower_operator(given: Operator) -> Sequence[Lowered]:
    """Lower one operator.

    Raises:
        UnsupportedModelError: It, or this variant of it, cannot be expressed; the message names it.
    """
    if given.name not in _LOWERINGS:
        raise UnsupportedModelError(f"a plan cannot express the ONNX operator {given.name}")
    outputs = _LOWERINGS[given.name](given)
    return [outputs] if isinstance(outputs, Tensor) else outputs


def known_operators() -> frozenset[str]:
    """Return the operators that have a lowering."""
    return frozenset(_LOWERINGS)
