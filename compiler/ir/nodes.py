"""A model as an expression: every node is a vector of numbers, made from others.

The leaves are ``Row`` and ``Constant``. A lowering is a function from a fitted estimator
and the node that it is given to the node that it gives, so that pipelines, unions and
stacks compose as functions do. A node that is used twice is computed once: nodes are equal
only to themselves. Arithmetic is float64, as in scikit-learn, unless the graph says
``single_precision``.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from device_contract.plan.format import Function, Reduction

Floats = NDArray[np.float64]


class Node:
    """A vector of ``width`` numbers for each row."""

    @property
    def width(self) -> int:
        """How many numbers it has."""
        raise TypeError(f"{type(self).__name__} does not tell its width")

    @property
    def operands(self) -> tuple["Node", ...]:
        """The nodes that it is made from."""
        return ()


class Unary(Node):
    """A node made from one other, as wide as it unless the class says otherwise."""

    source: Node

    @cached_property  # once: a network may be deeper than Python's stack
    def width(self) -> int:
        """The source's width."""
        return self.source.width

    @property
    def operands(self) -> tuple[Node, ...]:
        """The node that it is made from."""
        return (self.source,)


@dataclass(frozen=True, eq=False)
class Row(Node):
    """The row, float32 (n_features,)."""

    n_features: int

    @property
    def width(self) -> int:
        """The row's width."""
        return self.n_features


@dataclass(frozen=True, eq=False)
class Constant(Node):
    """Numbers that do not depend on the row, (width,)."""

    values: Floats

    @property
    def width(self) -> int:
        """How many they are."""
        return len(self.values)


@dataclass(frozen=True, eq=False)
class Select(Unary):
    """Some of the source's numbers, by position, in any order and number."""

    source: Node
    indices: tuple[int, ...]

    @property
    def width(self) -> int:
        """How many they are."""
        return len(self.indices)


@dataclass(frozen=True, eq=False)
class Concatenate(Node):
    """One vector after the other."""

    parts: tuple[Node, ...]

    @property
    def operands(self) -> tuple[Node, ...]:
        """The vectors."""
        return self.parts

    @property
    def width(self) -> int:
        """The sum of their widths."""
        return sum(part.width for part in self.parts)


@dataclass(frozen=True, eq=False)
class RefuseMissing(Unary):
    """The source; where it holds NaN, every output of the row is NaN."""

    source: Node


@dataclass(frozen=True, eq=False)
class Map(Unary):
    """A function of each number."""

    function: Function
    source: Node


@dataclass(frozen=True, eq=False)
class MapConstant(Unary):
    """A function of each number x and a constant y.

    Attributes:
        constants: float64 (width,).
        rounds: The result is rounded to float32, as in ONNX.
    """

    function: Function
    source: Node
    constants: Floats
    rounds: bool = False


@dataclass(frozen=True, eq=False)
class MapPair(Node):
    """A function of each number x of the left and the number y of the right.

    The right is as wide as the left, or one number for all.
    """

    function: Function
    left: Node
    right: Node

    @property
    def operands(self) -> tuple[Node, ...]:
        """Left and right."""
        return (self.left, self.right)

    @cached_property
    def width(self) -> int:
        """The left's width."""
        return self.left.width


@dataclass(frozen=True, eq=False)
class Reduce(Unary):
    """The source, seen as (outer, length, inner), reduced over its middle: (outer, inner).

    Attributes:
        length: How many numbers become one; all, where it is 0.
    """

    function: Reduction
    source: Node
    length: int = 0
    inner: int = 1

    @property
    def width(self) -> int:
        """The numbers that remain."""
        return self.source.width // (self.length or self.source.width)


@dataclass(frozen=True, eq=False)
class Linear(Unary):
    """``base + weights @ (source - center)``.

    Attributes:
        weights: float64 (width, n_inputs).
        center: float64 (n_inputs,).
        base: float64 (width,).
        rectified: Results below 0 become 0.
    """

    source: Node
    weights: Floats
    center: Floats
    base: Floats
    rectified: bool = False

    @property
    def width(self) -> int:
        """Number of results."""
        return len(self.base)


@dataclass(frozen=True, eq=False)
class Tree:
    """One binary tree, its nodes in any order, the root first.

    A row goes left if ``row[feature] <= threshold``; NaN goes left where ``missing_left``.

    Attributes:
        feature: int64 (n_nodes,); anything for a leaf.
        threshold: float64 (n_nodes,); anything for a leaf.
        left: int64 (n_nodes,); -1 for a leaf.
        right: int64 (n_nodes,); -1 for a leaf.
        missing_left: bool (n_nodes,).
        values: float64 (n_nodes, leaf width); what a leaf adds to the results.
        output: The first result that it adds to.
    """

    feature: NDArray[np.int64]
    threshold: Floats
    left: NDArray[np.int64]
    right: NDArray[np.int64]
    missing_left: NDArray[np.bool_]
    values: Floats
    output: int


@dataclass(frozen=True, eq=False)
class TreeEnsemble(Unary):
    """``(base + each tree's leaf, in order) / divisor``.

    Attributes:
        trees: At least one, all of one leaf width.
        base: float64 (width,).
        divisor: The number of trees where they are averaged, else 1.
        rounds_row: The source is rounded to float32 before it is compared.
        takes_missing: NaN is a value; else a row with NaN has NaN outputs.
    """

    source: Node
    trees: tuple[Tree, ...]
    base: Floats
    divisor: float
    rounds_row: bool
    takes_missing: bool

    @property
    def width(self) -> int:
        """Number of results."""
        return len(self.base)


@dataclass(frozen=True, eq=False)
class Load(Unary):
    """The row as values; put by the ordering before what cannot read the row itself."""

    source: Node


@dataclass(frozen=True, eq=False)
class Float32(Unary):
    """The source rounded to float32, as trees compare it; made by simplification."""

    source: Node


@dataclass(frozen=True, eq=False)
class BinarySigmoid(Unary):
    """One score to two probabilities: ``(1 - p, p)``."""

    source: Node

    @property
    def width(self) -> int:
        """Two."""
        return 2


@dataclass(frozen=True, eq=False)
class Softmax(Unary):
    """Scores to probabilities: ``exp(score)``, divided by their sum."""

    source: Node


@dataclass(frozen=True, eq=False)
class SigmoidNormalized(Unary):
    """Scores to probabilities, one class against the rest; equal where all are 0."""

    source: Node


@dataclass(frozen=True, eq=False)
class Graph:
    """A whole model.

    Attributes:
        row: The node of the row.
        output: What the model gives.
        single_precision: Arithmetic is float32, as in neural networks.
    """

    row: Row
    output: Node
    single_precision: bool = False

    @property
    def n_features(self) -> int:
        """Width of a row."""
        return self.row.width

    @property
    def n_outputs(self) -> int:
        """Numbers that the model gives for a row."""
        return self.output.width
