"""One list in three representations: JSON in pages, Arrow and CSV whole and streamed.

The query parameter ``format`` decides, else the request's ``Accept`` header (RFC 9110,
section 12.5.1); without either the answer is JSON. What none of the three satisfies is
answered by 406. A route looks like this::

    @routes.get("/models/{model}/drift", response_model=Page[DriftJson], responses=TABLES)
    def list_drift(model: Model, wanted: Wanted, limit: Limit = 50, cursor: Cursor = None) -> object:
        page = partial(_page, model)  # (limit, cursor) -> Page[DriftJson]
        if wanted is Format.JSON:
            return page(limit, cursor)
        return respond(wanted, SCHEMA, (batch(SCHEMA, rows(items)) for items in every_page(page)))

``limit`` and ``cursor`` belong to the JSON pages. A table has all rows: it is made batch by
batch while it is sent, so that its length costs no memory. What JSON calls ``since_ms`` is in
a table a column ``since`` of type ``TIME``, which pandas and DuckDB read as a timestamp.
"""

import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import StrEnum
from itertools import chain
from typing import Annotated, Any, Final

import pyarrow as pa
import pyarrow.csv
from fastapi import Depends, Query, Request, Response
from fastapi.responses import StreamingResponse

from fleet_server.errors import NotAcceptableError
from fleet_server.web import MAX_LIMIT, ItemT, Page

TIME: Final = pa.timestamp("ms", "UTC")
"""The type of a column with a time; filled from Unix milliseconds."""


class Format(StrEnum):
    """A representation, by the word that ``?format=`` takes."""

    JSON = "json"
    ARROW = "arrow"
    CSV = "csv"


MEDIA_TYPES: Final[Mapping[Format, str]] = {
    Format.JSON: "application/json",
    Format.ARROW: "application/vnd.apache.arrow.stream",
    Format.CSV: "text/csv",
}
"""In the order in which they are preferred where the client has no preference."""

TABLES: Final[dict[int | str, dict[str, Any]]] = {
    200: {"content": {MEDIA_TYPES[Format.ARROW]: {}, MEDIA_TYPES[Format.CSV]: {}}}
}
"""What a route's ``responses`` says of its tables."""


def acceptable(accept: str) -> Format:
    """Choose the representation that an ``Accept`` header likes best.

    Raises:
        NotAcceptableError: It likes none.
    """
    ranges = dict(_parse_range(text) for text in accept.split(",") if text.strip()) or {"*/*": 1.0}
    qualities = {form: _quality(media_type, ranges) for form, media_type in MEDIA_TYPES.items()}
    best = max(qualities, key=lambda form: qualities[form])
    if not qualities[best] > 0.0:
        raise NotAcceptableError(f"ask for {', '.join(MEDIA_TYPES.values())}, or give format=json, arrow or csv")
    return best


def _parse_range(text: str) -> tuple[str, float]:
    media_range, *parameters = (part.strip().lower() for part in text.split(";"))
    weight = next((value[2:] for value in parameters if value.startswith("q=")), "1")
    try:
        quality = float(weight)
    except ValueError:
        quality = 0.0
    return media_range, quality if 0.0 <= quality <= 1.0 else 0.0


def _quality(media_type: str, ranges: Mapping[str, float]) -> float:
    """Return the weight of the most specific range that names a media type."""
    family = media_type.partition("/")[0]
    named = (ranges[name] for name in (media_type, f"{family}/*", "*/*") if name in ranges)
    return next(named, 0.0)


def _negotiate(
    request: Request,
    response: Response,
    form: Annotated[
        Format | None, Query(alias="format", description="Representation; else the Accept header's.")
    ] = None,
) -> Format:
    response.headers["Vary"] = "Accept"
    return form or acceptable(",".join(request.headers.getlist("accept")))


Wanted = Annotated[Format, Depends(_negotiate)]
"""A route's argument: the representation that the request asks for."""


def every_page(page: Callable[[int, str | None], Page[ItemT]]) -> Iterator[list[ItemT]]:
    """Walk a list from its first page to its last.

    Args:
        page: Gives the page of a limit and a cursor.
    """
    found = page(MAX_LIMIT, None)
    yield found.items
    while found.next_cursor is not None:
        found = page(MAX_LIMIT, found.next_cursor)
        yield found.items


def batch(schema: pa.Schema, rows: Iterable[Mapping[str, Any]]) -> pa.RecordBatch:
    """Make a batch of rows, such as pydantic dumps.

    Args:
        schema: The columns; one of type ``TIME`` is filled from the field with ``_ms`` behind its name.
        rows: A field that one lacks is null, one that the schema lacks is left out.
    """
    found = list(rows)
    columns = [pa.array([row.get(_source(field)) for row in found], field.type) for field in schema]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _source(field: pa.Field) -> str:
    return f"{field.name}_ms" if field.type == TIME else str(field.name)


def respond(wanted: Format, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> Response:
    """Answer with a table.

    Args:
        wanted: Arrow or CSV.
        schema: Of every batch.
        batches: Made while they are sent, in a thread of their own. What fails before the
            first of them is still a problem answer; what fails later cuts the connection, which
            no reader takes for the end of the table.
    """
    chunks = (_arrow if wanted is Format.ARROW else csv_chunks)(schema, batches)
    first = next(chunks)
    return StreamingResponse(chain([first], chunks), media_type=MEDIA_TYPES[wanted], headers={"Vary": "Accept"})


def _arrow(schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> Iterator[bytes]:
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, schema) as writer:
        for each in batches:
            writer.write_batch(each)
            yield drain(sink)
    yield drain(sink)


def csv_chunks(schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> Iterator[bytes]:
    """Write batches as CSV, the header first; lists and structs, for which CSV has no form, as JSON."""
    sink = io.BytesIO()
    flat = pa.schema([pa.field(field.name, _flat_type(field.type)) for field in schema])
    with pyarrow.csv.CSVWriter(sink, flat) as writer:
        for each in batches:
            writer.write_batch(pa.RecordBatch.from_arrays([_flat(column) for column in each.columns], schema=flat))
            yield drain(sink)
    yield drain(sink)


def _flat_type(kind: pa.DataType) -> pa.DataType:
    return pa.string() if pa.types.is_nested(kind) else kind


def _flat(column: pa.Array) -> pa.Array:
    if not pa.types.is_nested(column.type):
        return column
    return pa.array([None if value is None else json.dumps(value) for value in column.to_pylist()], pa.string())


def drain(sink: io.BytesIO) -> bytes:
    """Take what a writer of batches has written so far."""
    data = sink.getvalue()
    sink.seek(0)
    sink.truncate()
    return data
