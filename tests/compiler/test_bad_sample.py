"""Samples that unfold, never end, or are damaged: one line that says what is wrong, and nothing worse."""

import contextlib
import io
import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compiler.archives import MAX_UNPACKED_BYTES, refuse_bombs
from compiler.columns import MAX_COLUMNS
from compiler.errors import SampleError
from compiler.sample import read_sample
from compiler.schema import read_schema
from compiler.tables import read_table


def npy(shape: tuple[int, ...], dtype: str = "<f4") -> bytes:
    """The header of an array, and none of its numbers."""
    out = io.BytesIO()
    np.lib.format.write_array_header_1_0(out, {"descr": dtype, "fortran_order": False, "shape": shape})
    return out.getvalue()


def npz(**files: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in files.items():
            archive.writestr(f"{name}.npy", body)
    return out.getvalue()


def parquet(table: pa.Table) -> bytes:
    out = io.BytesIO()
    pyarrow.parquet.write_table(table, out)
    return out.getvalue()


def repeated(value: Any, kind: pa.DataType, rows: int) -> bytes:
    """A column that says one value many times."""
    column = pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, np.int8)), pa.array([value], kind))
    return parquet(pa.table({"a": column.cast(kind) if kind != pa.string() else column}))


def zip64() -> bytes:
    """An archive whose directory is told by a second record, of any size."""
    made = npz(rows=npy((1, 1)))
    end = made.rindex(b"PK\x05\x06")
    return made[:end] + b"PK\x06\x07" + bytes(16) + made[end:]


def declaring(size: int) -> bytes:
    """An archive whose file says that it unpacks to so many bytes."""
    made = bytearray(npz(rows=npy((1, 1))))
    entry = made.rindex(b"PK\x01\x02")
    made[entry + 24 : entry + 28] = size.to_bytes(4, "little")
    return bytes(made)


REFUSED = {
    "an array of objects": (".npz", npz(rows=npy((1, 1), "|O")), "allow_pickle=False"),
    "an array of 4 TiB": (".npz", npz(rows=npy((2**40, 1))), "not a sound npz"),
    "an array without numbers": (".npz", npz(rows=npy((10, 10))), "not a sound npz"),
    "a million columns": (".npz", npz(rows=npy((0, 1_000_000))), "1000000 columns, limit 65535"),
    "columns without end": (".npz", npz(rows=npy((0, 2**62))), "not a sound npz"),
    "rows without end": (".npz", npz(rows=npy((2**62, 0))), "not a sound npz|has no rows"),
    "a number alone": (".npz", npz(rows=npy(())), "not a sound npz"),
    "no arrays": (".npz", npz(), "has no columns"),
    "a file of 4 GB": (".npz", declaring(2**32 - 2), "unpacks to 4294967294 bytes, limit"),
    "a second directory": (".npz", zip64(), "table of files"),
    "columns of CSV": (".csv", b"a," * 70_000 + b"b\n", "70001 columns, limit 65535"),
    "columns of CSV in its second line": (".csv", b'"\n",' + b"a," * 70_000 + b"b\n", "70002 columns, limit"),
    "a name twice": (".parquet", parquet(pa.table([[1], [2]], names=["a", "a"])), "two columns named 'a'"),
    "no columns": (".parquet", parquet(pa.table({})), "has no columns"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_sample_that_lies_is_refused_in_one_line(name: str) -> None:
    suffix, data, reason = REFUSED[name]
    with pytest.raises(SampleError, match=reason) as refusal:
        read_table(data, Path(f"sample{suffix}"))
    assert "\n" not in str(refusal.value)
    assert len(str(refusal.value)) < 400


def test_rows_are_counted_before_a_small_file_is_unfolded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("compiler.columns.MAX_CELLS", 1000)
    data = repeated(1.0, pa.float64(), 1001)
    assert len(data) < 1000
    with pytest.raises(SampleError, match="1001 rows of 1 columns, limit 1000 values: give fewer rows"):
        read_table(data, Path("sample.parquet"))


def test_a_long_text_that_is_said_often_is_kept_once() -> None:
    (column,) = read_table(repeated("x" * 100_000, pa.string(), 200_000), Path("sample.parquet"))
    assert len(column.categories or column.text) in {1, 200_000}
    column_of_text = pa.table({"a": pa.array(["y" * 10_000] * 1000)})
    (text,) = read_table(parquet(column_of_text), Path("sample.parquet"))
    assert len(text.text) == 1000
    assert len({id(value) for value in text.text}) == 1


def test_columns_of_other_kinds_are_named_and_not_read() -> None:
    table = pa.table({"a": [1.0], "lists": [[1, 2]], "when": pa.array([0], pa.timestamp("s"))})
    columns = read_table(parquet(table), Path("sample.parquet"))
    assert [(column.name, column.kind) for column in columns] == [
        ("a", "numbers"),
        ("lists", "list<element: int64>"),
        ("when", "timestamp[ms]"),
    ]


def test_what_is_no_regular_file_is_refused(tmp_path: Path) -> None:
    pipe = tmp_path / "sample.csv"
    os.mkfifo(pipe)
    (tmp_path / "endless.csv").symlink_to("/dev/zero")
    (tmp_path / "folder.csv").mkdir()
    for name in ("sample.csv", "endless.csv", "folder.csv"):
        with pytest.raises(SampleError, match="no regular file"):
            read_sample(tmp_path / name)


def test_a_sample_larger_than_the_limit_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("compiler.sample.MAX_SAMPLE_BYTES", 10)
    path = tmp_path / "sample.csv"
    path.write_bytes(bytes(11))
    with pytest.raises(SampleError, match="more than 10 bytes"):
        read_sample(path)


def test_as_many_columns_as_features_are_read() -> None:
    columns = read_table(npz(rows=npy((1, MAX_COLUMNS)) + bytes(4 * MAX_COLUMNS)), Path("sample.npz"))
    assert len(columns) == MAX_COLUMNS


def test_an_archive_that_unpacks_to_the_limit_is_let_pass() -> None:
    refuse_bombs(declaring(MAX_UNPACKED_BYTES))
    with pytest.raises(ValueError, match="limit"):
        refuse_bombs(declaring(MAX_UNPACKED_BYTES + 1))


@pytest.mark.parametrize("text", ["a = " + "[" * 5000, "a = " + "{x=" * 5000, "\0", "[[feature]]\nname = 'a'\n" * 9])
def test_a_schema_that_is_rubbish_is_refused_in_one_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "schema.toml"
    path.write_text(text)
    with pytest.raises(SampleError) as refusal:
        read_schema(path)
    assert "\n" not in str(refusal.value)


RIGHT = {
    ".csv": b'a,b\n1,2.5\n"x",4\n3,\n',
    ".parquet": parquet(
        pa.table({"a": [1.0, None], "b": pa.array(["x", "y"]), "c": pa.array(["z", "z"]).dictionary_encode()})
    ),
    ".npz": npz(a=npy((2,)) + bytes(8), b=npy((2,)) + bytes(8)),
}


@settings(max_examples=150)
@given(st.sampled_from(sorted(RIGHT)), st.data())
def test_a_damaged_sample_is_read_or_refused_never_worse(suffix: str, data: st.DataObject) -> None:
    mutated = bytearray(RIGHT[suffix])
    for _ in range(data.draw(st.integers(1, 3))):
        mutated[data.draw(st.integers(0, len(mutated) - 1))] ^= data.draw(st.integers(1, 255))
    with contextlib.suppress(SampleError):
        read_table(bytes(mutated[: data.draw(st.integers(0, len(mutated)))]), Path(f"sample{suffix}"))
