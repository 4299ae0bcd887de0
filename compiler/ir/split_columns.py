"""Columns for trees that split on more than a threshold: computed numbers beside the row's own."""

import numpy as np
from numpy.typing import NDArray

from compiler.ir.nodes import Concatenate, Map, MapConstant, MapPair, Node, RefuseMissing, Row, Select
from device_contract.plan.format import Function


class SplitColumns:
    """The columns that an ensemble's nodes look at: the source's own first, then those that are asked for.

    A model without categories, whose missing values are NaN, gets its source as it is.
    """

    def __init__(self, source: Node) -> None:
        self._source = source
        self._columns: dict[tuple[int, float], int] = {}
        self._parts: list[Node] = [source]

    def zero_is_missing(self, feature: int, zero: float) -> int:
        """Return the column of a feature in which NaN stands for what lies within ``zero`` of 0."""
        if (feature, zero) not in self._columns:
            value = Select(self._source, (feature,))
            nonzero = MapConstant(Function.GREATER, Map(Function.ABSOLUTE, value), np.array([zero]))
            # x * 1 / 1 is x, and x * 0 / 0 is NaN.
            column = MapPair(Function.DIVIDE, MapPair(Function.MULTIPLY, value, nonzero), nonzero)
            self._columns[feature, zero] = self._add(column)
        return self._columns[feature, zero]

    @property
    def are_float32(self) -> bool:
        """Whether rounding the columns to float32 changes nothing, for they come from the row."""
        source = self._source.source if isinstance(self._source, RefuseMissing) else self._source
        return isinstance(source, Row)

    def node(self) -> Node:
        """Return all columns as one node."""
        return Concatenate(tuple(self._parts)) if len(self._parts) > 1 else self._source

    def _add(self, column: Node) -> int:
        self._parts.append(column)
        return sum(part.width for part in self._parts[:-1])

    def member(self, feature: int, categories: NDArray[np.int64]) -> int:
        """Return the column that tells whether a feature's category is in a set."""
        raise TypeError(feature, categories)
