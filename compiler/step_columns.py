"""What trees look at beside the row's own numbers: step functions of them, such as whether a category is in a set."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from compiler.ir.nodes import Floats, Node, Tree
from compiler.ir.piecewise import Piecewise
from compiler.row_columns import row_columns, traced

Rows = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class StepColumn:
    """A step function of one number of the row.

    Attributes:
        column: The row's.
        knots: Where it steps, ascending, (n_knots,).
        levels: What it is between them, (n_knots + 1,).
    """

    column: int
    knots: Floats
    levels: Floats

    def numbers(self) -> Floats:
        """Return a number of each interval, a whole one where there is one: categories are."""
        below = np.nextafter(np.float32(self.knots[0]), np.float32(-np.inf))
        whole, ends = np.ceil(self.knots), np.append(self.knots[1:], np.inf)
        return np.concatenate([[below], np.where(whole < ends, whole, self.knots)]).astype(np.float32)

    def at(self, numbers: Floats) -> Floats:
        """Return the levels of numbers."""
        return self.levels[np.searchsorted(self.knots, numbers, side="right")]


def step_columns(node: Node) -> list[StepColumn | None]:
    """Return which step function of the row each number of a node is; ``None`` for any other."""
    return traced(node, _steps)  # the levels of sets are float32


def _steps(node: Node) -> list[StepColumn | None]:
    if not isinstance(node, Piecewise):
        return [None] * node.width
    found: list[StepColumn | None] = []
    for column, pieces in zip(row_columns(node.source), node.pieces, strict=True):
        n_functions, n_powers = pieces.coefficients.shape[1:]
        if column is None or n_powers > 1 or not len(pieces.knots):
            found += [None] * n_functions
        else:
            found += [StepColumn(column, pieces.knots, levels) for levels in pieces.coefficients[:, :, 0].T]
    return found


@dataclass(frozen=True, eq=False)
class Branch:
    """A side of a split on a step function."""

    step: StepColumn
    threshold: float
    is_left: bool

    def takes(self, numbers: Floats) -> NDArray[np.bool_]:
        """Tell which numbers of the row go to this side."""
        return np.asarray((self.step.at(numbers) <= self.threshold) == self.is_left)


def take_branches(row: Rows, branches: list[Branch]) -> None:
    """Give a row numbers that go to these sides, where there are such.

    Args:
        row: float32 (n_features,); changed in place.
        branches: Of the splits on its way.
    """
    for column in {branch.step.column for branch in branches}:
        wanted = [branch for branch in branches if branch.step.column == column]
        tried = np.concatenate([row[[column]], *(branch.step.numbers() for branch in wanted)])
        fits = np.flatnonzero(np.logical_and.reduce([branch.takes(tried) for branch in wanted]))
        if len(fits):
            row[column] = tried[fits[0]]


def branches_above(
    tree: Tree, node: int, steps: list[StepColumn | None], parent: NDArray[np.int64], from_left: NDArray[np.bool_]
) -> list[Branch]:
    """Return the sides of splits on step functions that lead to a node."""
    found = []
    while parent[node] >= 0:
        above = parent[node]
        step = steps[tree.feature[above]]
        if step is not None:
            found.append(Branch(step, float(tree.threshold[above]), bool(from_left[node])))
        node = int(above)
    return found
