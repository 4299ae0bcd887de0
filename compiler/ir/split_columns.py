"""Columns for trees that split on more than a threshold: computed numbers beside the row's own."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from compiler.ir.nodes import Concatenate, Floats, Map, MapConstant, MapPair, Node, RefuseMissing, Row, Select
from compiler.ir.piecewise import Pieces, Piecewise
from device_contract.plan.format import Function


@dataclass(frozen=True, eq=False)
class Category:
    """What the categories of one feature stand for in one column.

    Attributes:
        keys: The categories, ascending, (n_keys,).
        levels: What they stand for, (n_keys,).
        otherwise: What any other number stands for; NaN stays NaN.
    """

    keys: Floats
    levels: Floats
    otherwise: float

    def at(self, numbers: Floats) -> Floats:
        """Return what numbers stand for."""
        place = np.minimum(np.searchsorted(self.keys, numbers), len(self.keys) - 1)
        return np.where(self.keys[place] == numbers, self.levels[place], self.otherwise)


class SplitColumns:
    """The columns that an ensemble's nodes look at: the source's own first, then those that are asked for.

    A model without categories, whose missing values are NaN, gets its source as it is.
    """

    def __init__(self, source: Node, first_category: float | None = None) -> None:
        """Start with the source's own columns.

        Args:
            source: What the trees look at.
            first_category: Categories are whole numbers, others are cut off towards 0; from this number
                on, which is at most 0, one is category 0. Without, a category is a number itself.
        """
        self._source = source
        self._first = first_category
        self._zeros: dict[tuple[int, float], int] = {}
        self._categories: dict[int, dict[bytes, tuple[int, Category]]] = {}
        self._n_columns = source.width

    @property
    def are_float32(self) -> bool:
        """Whether rounding the columns to float32 changes nothing, for they come from the row."""
        source = self._source.source if isinstance(self._source, RefuseMissing) else self._source
        return isinstance(source, Row)

    def zero_is_missing(self, feature: int, zero: float) -> int:
        """Return the column of a feature in which NaN stands for what lies within ``zero`` of 0."""
        if (feature, zero) not in self._zeros:
            self._zeros[feature, zero] = self._next()
        return self._zeros[feature, zero]

    def member(self, feature: int, categories: NDArray[np.int64]) -> int:
        """Return the column that is 1 where a feature's category is in a set, else 0, and NaN where it is missing."""
        keys = np.unique(categories).astype(np.float64)
        return self.category(feature, Category(keys, np.ones(len(keys)), 0.0))

    def category(self, feature: int, category: Category) -> int:
        """Return the column of what a feature's categories stand for."""
        columns = self._categories.setdefault(feature, {})
        key = np.concatenate([category.keys, category.levels, [category.otherwise]]).tobytes()
        if key not in columns:
            columns[key] = (self._next(), category)
        return columns[key][0]

    def node(self) -> Node:
        """Return all columns as one node."""
        if self._n_columns == self._source.width:
            return self._source
        parts = [self._zero(*key) for key in self._zeros] + [self._steps(feature) for feature in self._categories]
        columns = list(self._zeros.values())
        columns += [column for each in self._categories.values() for column, _ in each.values()]
        computed = parts[0] if len(parts) == 1 else Concatenate(tuple(parts))
        # Each part has its columns together; they were asked for in any order.
        order = tuple(np.argsort(columns).tolist())
        placed = computed if order == tuple(range(len(order))) else Select(computed, order)
        return Concatenate((self._source, placed))

    def _next(self) -> int:
        self._n_columns += 1
        return self._n_columns - 1

    def _zero(self, feature: int, zero: float) -> Node:
        value = Select(self._source, (feature,))
        nonzero = MapConstant(Function.GREATER, Map(Function.ABSOLUTE, value), np.array([zero]))
        # x * 1 / 1 is x, and x * 0 / 0 is NaN.
        return MapPair(Function.DIVIDE, MapPair(Function.MULTIPLY, value, nonzero), nonzero)

    def _steps(self, feature: int) -> Node:
        """Return the columns of a feature's categories: step functions of the same knots."""
        columns = [category for _, category in self._categories[feature].values()]
        keys = np.unique(np.concatenate([category.keys for category in columns]))
        ends = np.nextafter(keys, np.inf) if self._first is None else keys + 1.0
        starts = np.unique(np.concatenate([[-np.inf], keys, ends]))
        levels = np.stack([category.at(starts) for category in columns], axis=1)
        knots = starts[1:] if self._first is None else np.where(starts[1:] == 0, self._first, starts[1:])
        pieces = Pieces(knots, np.zeros(len(starts)), levels[:, :, None])
        return Piecewise(Select(self._source, (feature,)), (pieces,))
