"""Answers as tables: lists of JSON objects, times that are Unix milliseconds, verdicts that lie in one another."""

from collections.abc import Iterable, Iterator
from typing import Any, Final

import pyarrow as pa

COMPARISONS: Final = ("training", "own", "peers", "fleet")
TIME: Final = pa.timestamp("ms", "UTC")


def table_of(rows: Iterable[dict[str, Any]]) -> pa.Table:
    """Make a table of JSON objects; an object within one, such as a device's labels, has no names but its own."""
    held = list(rows)
    names = dict.fromkeys(name for row in held for name in row)
    return pa.table({name: _column([row.get(name) for row in held]) for name in names})


def _column(values: list[Any]) -> pa.Array:
    objects = [value for value in values if isinstance(value, dict)]
    if not objects:
        return pa.array(values)
    kind = pa.array([part for value in objects for part in value.values()]).type
    return pa.array([value and list(value.items()) for value in values], pa.map_(pa.string(), kind))


def timed(table: pa.Table) -> pa.Table:
    """Make timestamps of Unix milliseconds: ``since_ms`` becomes ``since``."""
    for index, field in enumerate(table.schema):
        if field.name.endswith("_ms") and (pa.types.is_integer(field.type) or pa.types.is_null(field.type)):
            table = table.set_column(index, field.name.removesuffix("_ms"), table[field.name].cast(TIME))
    return table


def verdict_rows(devices: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Lay the verdicts on devices out, a row for each comparison; the figures behind them are left to ``drift``."""
    for device in devices:
        shared = {name: device[name] for name in ("device_id", "model", "version")}
        for comparison in COMPARISONS:
            found = device.get(comparison)
            if found is not None:
                told = {name: value for name, value in found.items() if name != "evidence"}
                yield {**shared, "comparison": comparison, **told}


def alarmed_rows(found: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Lay the rows behind a verdict out, one for each of their drifting streams."""
    for row in found["rows"]:
        told = {name: value for name, value in row.items() if name != "streams"}
        for stream, value in row["streams"].items():
            yield {"device_id": found["device_id"], "model": found["model"], **told, "stream": stream, **value}
