"""Answers as tables: lists of JSON objects, times that are Unix milliseconds, verdicts that lie in one another."""

from collections.abc import Iterable, Iterator
from typing import Any, Final

import pyarrow as pa

from fleet_server.client.schemas import TIME

COMPARISONS: Final = ("training", "own", "peers", "fleet")


def table_of(schema: pa.Schema, rows: Iterable[dict[str, Any]]) -> pa.Table:
    """Make a table of JSON objects.

    Args:
        schema: The columns; one of type ``TIME`` is filled from the member with ``_ms`` behind its name.
        rows: A member that one lacks is null, one that the schema lacks is left out.
    """
    held = list(rows)
    return pa.table([_column(field, held) for field in schema], schema=schema)


def _column(field: pa.Field, rows: list[dict[str, Any]]) -> pa.Array:
    name = f"{field.name}_ms" if field.type == TIME else field.name
    values = [row.get(name) for row in rows]
    if pa.types.is_map(field.type):
        values = [value and list(value.items()) for value in values]
    return pa.array(values, field.type)


def timed(table: pa.Table) -> pa.Table:
    """Make timestamps of Unix milliseconds: ``since_ms`` becomes ``since``."""
    for index, field in enumerate(table.schema):
        if field.name.endswith("_ms") and pa.types.is_integer(field.type):
            table = table.set_column(index, field.name.removesuffix("_ms"), table[field.name].cast(TIME))
    return table


def verdict_rows(devices: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Lay the verdicts on devices out, a row for each comparison; the figures behind them are left to ``drift``."""
    for device in devices:
        shared = {name: device[name] for name in ("device_id", "model", "version")}
        for comparison in COMPARISONS:
            found = device.get(comparison)
            if found is not None:
                yield {**shared, "comparison": comparison, **found}


def alarmed_rows(found: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Lay the rows behind a verdict out, one for each of their drifting streams."""
    for row in found["rows"]:
        for stream, value in row["streams"].items():
            yield {"device_id": found["device_id"], "model": found["model"], **row, "stream": stream, **value}
