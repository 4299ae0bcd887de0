"""What can be archived: rows that are never changed, in the order of their ordinals."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pyarrow as pa

Read = Callable[[int, int], Iterator[pa.RecordBatch]]
"""Gives the rows with an ordinal after the first number and up to the second, the same each time."""


@dataclass(frozen=True)
class Source:
    """A stream of rows with a model and a time.

    Attributes:
        name: Of its folder in the archive, and of its table in queries.
        schema: Of its batches; has the column ``model``.
        time: The column by whose day (UTC) the rows are laid down.
        last_ordinal: Gives the ordinal of the newest row, 0 if there is none.
        read: Gives the rows of a range of ordinals.
    """

    name: str
    schema: pa.Schema
    time: str
    last_ordinal: Callable[[], int]
    read: Read
