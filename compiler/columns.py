"""One column of a table, whatever file it came from."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MAX_COLUMNS = 65_535
"""As many as a model may have features."""
MAX_CELLS = 1 << 28
"""Rows times columns that are read: 2 GiB of float64."""


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes:
        name: Its name; empty in a table without names.
        values: float64 (n_rows,), NaN where missing; for a category the position in ``categories``.
        categories: For a category, its values in order.
        text: For a column of text, its values, ``None`` where missing; ``values`` is empty then.
        unit: Unit, from a Parquet field's metadata ``unit``.
        kind: What the column holds, in words.
    """

    name: str
    values: NDArray[np.float64]
    categories: tuple[str, ...] = ()
    text: tuple[str | None, ...] = ()
    unit: str = ""
    kind: str = "numbers"


def check_shape(n_rows: int, n_columns: int) -> None:
    """Hold a table to the limits before its values are made.

    Raises:
        ValueError: It has too many columns or cells.
    """
    if n_columns > MAX_COLUMNS:
        raise ValueError(f"it has {n_columns} columns, limit {MAX_COLUMNS}")
    if n_rows * n_columns > MAX_CELLS:
        raise ValueError(f"it has {n_rows} rows of {n_columns} columns, limit {MAX_CELLS} values: give fewer rows")


def refuse_repeats(names: Iterable[str]) -> None:
    """Refuse a table in which two columns have one name; columns without a name are let pass.

    Raises:
        ValueError: There are two.
    """
    repeated = next((name for name, count in Counter(names).items() if name and count > 1), None)
    if repeated is not None:
        raise ValueError(f"it has two columns named {repeated[:80]!r}")
