"""Tables of data from CSV, Parquet and .npz files: columns of numbers, categories or text."""

import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compiler.archives import refuse_bombs
from compiler.columns import Column, check_shape, refuse_repeats
from compiler.errors import SampleError, one_line

_MATRIX_DIMENSIONS = 2


def read_table(data: bytes, path: Path) -> tuple[Column, ...]:
    """Read a table; the suffix of its path tells the format.

    Raises:
        SampleError: The bytes are not a sound table of a known format, or exceed a limit.
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
        refuse_repeats(column.name for column in columns)
    except Exception as error:  # whatever Arrow, NumPy and zipfile meet in a broken file
        raise SampleError(f"{path} is not a sound {path.suffix[1:]} table: {one_line(error)}") from error
    if not columns:
        raise SampleError(f"{path} has no columns")
    return columns


def matrix_columns(rows: NDArray[Any]) -> tuple[Column, ...]:
    """Return the columns of an array of shape (n_rows, n_features); they have no names."""
    return tuple(Column("", column.astype(np.float64)) for column in rows.T)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _read_csv(data: bytes) -> tuple[Column, ...]:
    from compiler import arrow_tables  # noqa: PLC0415  (only for its files: Arrow is slow to import)

    columns = arrow_tables.read_csv(data)
    names = [column.name for column in columns if column.name]
    if names and all(map(_is_number, names)):
        raise ValueError("it has no line of column names: its first line holds numbers")
    return columns


def _read_parquet(data: bytes) -> tuple[Column, ...]:
    from compiler import arrow_tables  # noqa: PLC0415  (the same)

    return arrow_tables.read_parquet(data)


def _read_npz(data: bytes) -> tuple[Column, ...]:
    """Read one array of rows, or one array a column."""
    refuse_bombs(data)
    with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
        named = {name: _numeric(arrays[name]) for name in arrays.files}
    if len(named) == 1 and next(iter(named.values())).ndim == _MATRIX_DIMENSIONS:
        rows = next(iter(named.values()))
        check_shape(*rows.shape)
        return matrix_columns(rows)
    if any(values.ndim != 1 for values in named.values()) or len({len(values) for values in named.values()}) > 1:
        raise ValueError("it must hold one array of rows, or arrays of one length, one a column")
    check_shape(max(map(len, named.values()), default=0), len(named))
    return tuple(Column(name, values.astype(np.float64)) for name, values in named.items())


def _numeric(values: NDArray[Any]) -> NDArray[Any]:
    if values.dtype.kind not in "biuf":
        raise ValueError(f"it holds {values.dtype}, not numbers")
    return values
