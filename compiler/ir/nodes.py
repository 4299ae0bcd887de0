"""The nodes of a model: what happens to a row, in order.

A graph is any number of ``Elementwise`` nodes over the row, then one ``Linear`` or
``TreeEnsemble`` that makes scores of it, then at most one ``Link`` over the scores.
Arithmetic is float64, as in scikit-learn.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from device_contract.plan.format import Link as LinkName

Operator = Literal["add", "subtract", "multiply", "divide"]
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Elementwise:
    """``row = row (operator) operand``.

    Attributes:
        operand: float64 (n_features,), finite; above 0 for ``multiply`` and ``divide``.
        rounds: The result is rounded to float32, as in ONNX.
    """

    operator: Operator
    operand: Floats
    rounds: bool = False


@dataclass(frozen=True, eq=False)
class Linear:
    """``scores = base + weights @ (row - center)``.

    Attributes:
        weights: float64 (n_scores, n_features).
        center: float64 (n_features,).
        base: float64 (n_scores,).
    """

    weights: Floats
    center: Floats
    base: Floats


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
        values: float64 (n_nodes, width); what a leaf adds to the scores.
        output: The first score that it adds to.
    """

    feature: NDArray[np.int64]
    threshold: Floats
    left: NDArray[np.int64]
    right: NDArray[np.int64]
    missing_left: NDArray[np.bool_]
    values: Floats
    output: int


@dataclass(frozen=True, eq=False)
class TreeEnsemble:
    """``scores = (base + each tree's leaf, in order) / divisor``.

    Attributes:
        trees: At least one, all of one width.
        base: float64 (n_scores,).
        divisor: The number of trees where they are averaged, else 1.
        rounds_row: The row is rounded to float32 before it is compared.
        takes_missing: NaN is a value; else a row with NaN has NaN scores.
    """

    trees: tuple[Tree, ...]
    base: Floats
    divisor: float
    rounds_row: bool
    takes_missing: bool


@dataclass(frozen=True)
class Link:
    """What turns the scores into the model's outputs."""

    name: LinkName


Node = Elementwise | Linear | TreeEnsemble | Link


@dataclass(frozen=True, eq=False)
class Graph:
    """A whole model.

    Attributes:
        n_features: Width of a row.
        n_outputs: Numbers that the model gives for a row.
        nodes: In order of execution.
    """

    n_features: int
    n_outputs: int
    nodes: tuple[Node, ...]
