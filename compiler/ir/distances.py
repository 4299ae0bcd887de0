"""Nodes of distances: to a table of points, the nearest of them, and what they vote for."""

from dataclasses import dataclass

import numpy as np

from compiler.ir.nodes import Floats, Node, Unary
from device_contract.plan.format import Metric


@dataclass(frozen=True, eq=False)
class Distance(Unary):
    """The distance of the source to each of a table of points.

    Attributes:
        points: float64 (width, n_coordinates).
        parameter: The power of Minkowski's, gamma of a radial basis function.
        weights: float64, as many as the points' coordinates, of weighted squares.
    """

    metric: Metric
    source: Node
    points: Floats
    parameter: float = 0.0
    weights: Floats | None = None

    @property
    def width(self) -> int:
        """Number of points."""
        return len(self.points)


@dataclass(frozen=True, eq=False)
class Nearest(Unary):
    """The smallest of the source's numbers, ascending, then their positions; of equals the first.

    Attributes:
        count: How many.
    """

    source: Node
    count: int

    @property
    def width(self) -> int:
        """Numbers and positions."""
        return 2 * self.count


@dataclass(frozen=True, eq=False)
class SumRows(Node):
    """Sums of a table's rows, at the positions that the source gives, each times its weight.

    Attributes:
        table: float64 (n_rows, row width).
        weights: One number for each position; all count once where there is none.
        length: How many positions make one sum; all, where it is 0.
    """

    source: Node
    table: Floats
    weights: Node | None = None
    length: int = 0

    @property
    def operands(self) -> tuple[Node, ...]:
        """The positions, and the weights if there are any."""
        return (self.source,) if self.weights is None else (self.source, self.weights)

    @property
    def width(self) -> int:
        """Numbers of a row of the table, for each sum."""
        return int(np.shape(self.table)[1]) * (self.source.width // (self.length or self.source.width))


@dataclass(frozen=True, eq=False)
class Coupling(Unary):
    """Probabilities of pairs of classes to those of classes; what it was worked with follows them.

    The source gives for the pairs (0, 1), (0, 2) ... (1, 2) ... the probability of the first.

    Attributes:
        n_classes: The first so many results are the probabilities.
    """

    source: Node
    n_classes: int

    @property
    def width(self) -> int:
        """The probabilities, as many products with them, and a square matrix."""
        return self.n_classes * (self.n_classes + 2)
