"""What can be archived: rows that are never changed, in the order of their ordinals."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import pyarrow as pa

Read = Callable[[int, int], Iterator[tuple[str, pa.RecordBatch]]]
"""Gives what has an ordinal after the first number and up to the second, the same each time: tables, batch by batch."""


@dataclass(frozen=True)
class Source:
    """A stream of what happened, laid out in one or more tables.

    Attributes:
        name: Of its cursor.
        schemas: Of its tables, by name; each has the column ``model``.
        time: The column by whose day (UTC) the rows are laid down.
        last_ordinal: Gives the ordinal of the newest row, 0 if there is none.
        read: Gives the rows of a range of ordinals.
    """

    name: str
    schemas: Mapping[str, pa.Schema]
    time: str
    last_ordinal: Callable[[], int]
    read: Read
