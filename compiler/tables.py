"""Tables of data from CSV, Parquet and .npz files: columns of numbers, categories or text."""

import io
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
from numpy.typing import NDArray

from compiler.errors import SampleError

_UNIT_KEY = b"unit"
_MATRIX_DIMENSIONS = 2


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


def read_table(data: bytes, path: Path) -> tuple[Column, ...]:
    """Read a table; the suffix of its path tells the format.

    Raises:
        SampleError: The bytes are not a sound table of a known format.
    """
    readers: Mapping[str, Callable[[bytes], tuple[Column, ...]]] = {
        ".csv": _read_csv,
        ".parquet": _read_parquet,
        ".npz": _read_npz,
    }
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise SampleError(f"{path}: unknown kind of sample {path.suffix!r}; there are .csv, .parquet, .npz")
    try:
        columns = reader(data)
    except (pa.ArrowException, ValueError, OSError, KeyError, EOFError, zipfile.BadZipFile) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise SampleError(f"{path} is not a sound {path.suffix[1:]} table: {reason[:200]}") from error
    _check_names(columns, path)
    return columns


def matrix_columns(rows: NDArray[Any]) -> tuple[Column, ...]:
    """Return the columns of an array of shape (n_rows, n_features); they have no names."""
    return tuple(Column("", column.astype(np.float64)) for column in rows.T)


def _check_names(columns: tuple[Column, ...], path: Path) -> None:
    names = [column.name for column in columns if column.name]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise SampleError(f"{path} has two columns named {repeated[0]!r}")
    if names and all(_is_number(name) for name in names):
        raise SampleError(f"{path} has no line of column names: its first line holds numbers")


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _read_csv(data: bytes) -> tuple[Column, ...]:
    options = pyarrow.csv.ConvertOptions(strings_can_be_null=True)
    return _arrow_columns(pyarrow.csv.read_csv(pa.BufferReader(data), convert_options=options))


def _read_parquet(data: bytes) -> tuple[Column, ...]:
    return _arrow_columns(pyarrow.parquet.read_table(pa.BufferReader(data)))


def _read_npz(data: bytes) -> tuple[Column, ...]:
    """Read one array of rows, or one array a column."""
    with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
        if not isinstance(arrays, np.lib.npyio.NpzFile):
            raise ValueError("it holds one bare array; save it with numpy.savez")  # noqa: TRY004  (bad data, not a type)
        named = {name: arrays[name] for name in arrays.files}
    if len(named) == 1 and next(iter(named.values())).ndim == _MATRIX_DIMENSIONS:
        return matrix_columns(_numeric(next(iter(named.values()))))
    if any(values.ndim != 1 for values in named.values()) or len({len(values) for values in named.values()}) > 1:
        raise ValueError("it must hold one array of rows, or arrays of one length, one a column")
    return tuple(Column(name, _numeric(values).astype(np.float64)) for name, values in named.items())


def _numeric(values: NDArray[Any]) -> NDArray[Any]:
    if values.dtype.kind not in "biuf":
        raise ValueError(f"it holds {values.dtype}, not numbers")
    return values


def _arrow_columns(table: pa.Table) -> tuple[Column, ...]:
    return tuple(
        _arrow_column(field, column.combine_chunks()) for field, column in zip(table.schema, table.columns, strict=True)
    )


def _arrow_column(field: pa.Field, column: pa.Array) -> Column:
    unit = (field.metadata or {}).get(_UNIT_KEY, b"").decode()
    kind = column.type
    if pa.types.is_boolean(kind) or pa.types.is_null(kind):
        column, kind = column.cast(pa.int8()), pa.int8()
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return Column(field.name, _floats(column), unit=unit)
    if pa.types.is_dictionary(kind) and pa.types.is_string(kind.value_type):
        return Column(field.name, _floats(column.indices), tuple(column.dictionary.to_pylist()), unit=unit)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return Column(field.name, np.empty(0), text=tuple(column.to_pylist()), kind="text")
    return Column(field.name, np.empty(0), kind=str(kind))


def _floats(column: pa.Array) -> NDArray[np.float64]:
    values: NDArray[np.float64] = column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    return values
