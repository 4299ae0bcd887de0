"""The changes of verdicts as a source of the archive."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

import pyarrow as pa

from fleet_server.archive.source import Source
from fleet_server.tabular import TIME, batch

NAME: Final = "verdicts"

VERDICTS: Final = pa.schema(
    [
        ("ordinal", pa.int64()),
        ("device_id", pa.string()),
        ("model", pa.string()),
        ("kind", pa.string()),
        ("group", pa.string()),
        ("version", pa.string()),
        ("verdict_before", pa.string()),
        ("verdict", pa.string()),
        ("features", pa.list_(pa.string())),
        ("outputs", pa.list_(pa.string())),
        ("severity", pa.float64()),
        ("since", TIME),
        ("changed", TIME),
        ("cause", pa.string()),
        ("sentence", pa.string()),
        ("advice", pa.string()),
    ]
)
"""A row for each verdict that came, went, or named other streams or another cause."""

Changes = Callable[[int, int], Iterable[Mapping[str, Any]]]
"""Gives the changes after the first ordinal and up to the second, as JSON names their fields."""


def verdicts_source(last_ordinal: Callable[[], int], changes: Changes) -> Source:
    """Make the source of all changes of verdicts, laid down by the day on which the server judged."""

    def read(after: int, until: int) -> Iterator[tuple[str, pa.RecordBatch]]:
        yield NAME, batch(VERDICTS, changes(after, until))

    return Source(NAME, {NAME: VERDICTS}, "changed", last_ordinal, read)
