"""The weighted median of a node's numbers."""

from dataclasses import dataclass

from compiler.ir.nodes import Floats, Node, Unary


@dataclass(frozen=True, eq=False)
class WeightedMedian(Unary):
    """The least number at which the weights of those up to it are half of all.

    Attributes:
        weights: float64 (n_numbers,).
    """

    source: Node
    weights: Floats

    @property
    def width(self) -> int:
        """One."""
        return 1
