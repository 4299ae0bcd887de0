"""Reading a file of labels: JSON, CSV or Parquet, row by row, so that one bad row spoils no other.

The three say the same: objects, or columns, with the names in ``labels.FIELDS``. A file
that cannot be read to its end, or is too long, is refused as a whole, before its first row is
given; whatever is wrong with a row is told by ``labels.read_label``.
"""

import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from fleet_server.errors import InvalidRequestError, TooLargeError
from fleet_server.feedback.labels import FIELDS

MAX_UPLOAD_BYTES: Final = 16 << 20
MAX_LABELS: Final = 100_000
"""Rows of one upload; a larger file is sent in parts."""
MAX_TEXT: Final = 131_072
"""Characters of a text, as the reader of CSV has it too; the outputs of thousands of classes fit."""
_MAX_VALUES: Final = 4_000_000
"""Of a Parquet file, which may say the same number a billion times in a few bytes."""
_BATCH_ROWS: Final = 1000

Given = Mapping[str, object]


def read_upload(media_type: str, body: bytes) -> Iterator[Given]:
    """Read the rows of an upload.

    Args:
        media_type: A key of ``READERS``, with or without parameters.
        body: The file.

    Raises:
        InvalidRequestError: It is of another type, or cannot be read; as the first row is taken, or of Parquet later.
        TooLargeError: It has more than ``MAX_LABELS`` rows, or unpacks to too much.
    """
    reader = READERS.get(media_type.partition(";")[0].strip().lower())
    if reader is None:
        raise InvalidRequestError(f"Content-Type: give one of {', '.join(READERS)}", code="unknown_media_type")
    yield from reader(body)


def _read_json(body: bytes) -> Iterator[Given]:
    try:
        rows = msgspec.json.decode(body, type=list[dict[str, Any]])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidRequestError(f"not a JSON array of objects: {error}") from error
    _check_length(len(rows))
    yield from rows


def _read_csv(body: bytes) -> Iterator[Given]:
    try:
        text = body.decode("utf-8-sig")
        _check_lines(text)
    except (csv.Error, UnicodeDecodeError) as error:
        raise InvalidRequestError(f"not CSV in UTF-8: {error}") from error
    yield from csv.DictReader(io.StringIO(text, newline=""), strict=True)


def _check_lines(text: str) -> None:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    names = next(reader, [])
    _check_columns(names)
    for number, values in enumerate(reader, start=1):
        _check_length(number)
        if len(values) > len(names):
            raise InvalidRequestError(f"line {reader.line_num} has more values than the header has names")


def _read_parquet(body: bytes) -> Iterator[Given]:
    try:
        file = pq.ParquetFile(io.BytesIO(body))
        columns = [name for name in FIELDS if name in file.schema_arrow.names]
        _check_columns(columns)
        _check_size(file.metadata)
        texts = [name for name in columns if pa.types.is_string(file.schema_arrow.field(name).type)]
        # as dictionaries: a long text that every row repeats is then held once
        file = pq.ParquetFile(io.BytesIO(body), read_dictionary=texts)
        for batch in file.iter_batches(_BATCH_ROWS, columns=columns):
            yield from _rows(batch)
    except (pa.ArrowException, OSError) as error:
        raise InvalidRequestError(f"not a Parquet file: {str(error).partition(chr(10))[0]}") from error


def _check_columns(names: Sequence[str]) -> None:
    if "label" not in names:
        raise InvalidRequestError(f"there is no column `label`; the columns are {', '.join(FIELDS)}")
    if len(set(names)) != len(names):
        raise InvalidRequestError("two columns have the same name")


def _check_length(rows: int) -> None:
    if rows > MAX_LABELS:
        raise TooLargeError(f"more than {MAX_LABELS} labels; send the file in parts")


def _check_size(metadata: pq.FileMetaData) -> None:
    groups = [metadata.row_group(place) for place in range(metadata.num_row_groups)]
    values = sum(group.column(place).num_values for group in groups for place in range(group.num_columns))
    _check_length(metadata.num_rows)
    if values > _MAX_VALUES:
        raise TooLargeError(f"{metadata.num_rows} rows of {values} values; send the file in parts")


def _rows(batch: pa.RecordBatch) -> Iterator[Given]:
    columns = [_values(column) for column in batch.columns]
    for values in zip(*columns, strict=True):
        yield dict(zip(batch.schema.names, values, strict=True))


def _values(column: pa.Array) -> list[object]:
    if not pa.types.is_dictionary(column.type):
        return column.to_pylist()  # type: ignore[no-any-return]  # pyarrow ships no types
    texts = column.dictionary.to_pylist()
    if any(text is not None and len(text) > MAX_TEXT for text in texts):
        raise InvalidRequestError(f"a text is longer than {MAX_TEXT} characters")
    return [None if place is None else texts[place] for place in column.indices.to_pylist()]


READERS: Final[Mapping[str, Callable[[bytes], Iterator[Given]]]] = {
    "application/json": _read_json,
    "text/csv": _read_csv,
    "application/vnd.apache.parquet": _read_parquet,
}
"""By media type."""
