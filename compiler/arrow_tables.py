"""Columns from CSV and Parquet files, read by Apache Arrow.

A small Parquet file may say one value, or one long text, a billion times: rows are counted before
they are read, and texts stay folded.
"""

import csv
import io
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
from numpy.typing import NDArray

from compiler.columns import Column, check_shape, refuse_repeats

_UNIT_KEY = b"unit"
_FIRST_BYTES = 1 << 20  # Arrow, too, wants the line of names within its first block


def read_csv(data: bytes) -> tuple[Column, ...]:
    """Read a CSV file with a line of names.

    Raises:
        ValueError: It is no table, or too wide or long.
    """
    names = next(csv.reader(io.StringIO(data[:_FIRST_BYTES].decode(errors="replace"))), [])
    check_shape(data.count(b"\n"), len(names))
    options = pyarrow.csv.ConvertOptions(strings_can_be_null=True)
    table = pyarrow.csv.read_csv(pa.BufferReader(data), convert_options=options)
    columns = tuple(_column(field, column) for field, column in zip(table.schema, table.columns, strict=True))
    # What Arrow takes for binary in a text file.
    return tuple(
        replace(column, kind="bytes that are no UTF-8") if column.kind == "binary" else column for column in columns
    )


def read_parquet(data: bytes) -> tuple[Column, ...]:
    """Read a Parquet file; columns that hold neither numbers, text nor categories are named, not read.

    Raises:
        ValueError: It is no table, or too wide or long.
    """
    schema = pyarrow.parquet.read_schema(pa.BufferReader(data))
    texts = [field.name for field in schema if _is_text(field.type)]
    file = pyarrow.parquet.ParquetFile(pa.BufferReader(data), read_dictionary=texts)
    check_shape(file.metadata.num_rows, len(schema))
    refuse_repeats(schema.names)
    table = file.read(columns=[field.name for field in schema if _is_readable(field.type)])
    return tuple(
        _column(field, table.column(field.name)) if field.name in table.schema.names else _unread(field)
        for field in schema
    )


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def _is_flag(kind: pa.DataType) -> bool:
    return bool(pa.types.is_boolean(kind) or pa.types.is_null(kind))


def _is_category(kind: pa.DataType) -> bool:
    return bool(pa.types.is_dictionary(kind) and pa.types.is_string(kind.value_type))


def _is_readable(kind: pa.DataType) -> bool:
    return _is_text(kind) or _is_number(kind) or _is_flag(kind) or _is_category(kind)


def _column(field: pa.Field, chunks: pa.ChunkedArray) -> Column:
    if _is_text(field.type):
        return Column(field.name, np.empty(0), text=_texts(chunks), kind="text")
    column, unit = chunks.combine_chunks(), (field.metadata or {}).get(_UNIT_KEY, b"").decode()
    if _is_category(field.type):
        return Column(field.name, _floats(column.indices), tuple(column.dictionary.to_pylist()), unit=unit)
    if _is_flag(field.type):
        return Column(field.name, _floats(column.cast(pa.int8())), unit=unit)
    return Column(field.name, _floats(column), unit=unit) if _is_number(field.type) else _unread(field)


def _unread(field: pa.Field) -> Column:
    return Column(field.name, np.empty(0), kind=str(field.type))


def _texts(chunks: pa.ChunkedArray) -> tuple[str | None, ...]:
    """Return the texts, each value once in memory however often it is said."""
    encoded = chunks if pa.types.is_dictionary(chunks.type) else chunks.dictionary_encode()
    texts: list[str | None] = []
    for chunk in encoded.chunks:
        values = chunk.dictionary.to_pylist()
        texts += [None if index is None else values[index] for index in chunk.indices.to_pylist()]
    return tuple(texts)


def _floats(column: pa.Array) -> NDArray[np.float64]:
    values: NDArray[np.float64] = column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    return values
