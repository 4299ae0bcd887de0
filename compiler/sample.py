"""The sample: rows like those that the model was trained on, in the order of its features.

Parity is proved on it, the baseline summarises it, and its columns give the features their
names, units, ranges and categories, unless a schema file says otherwise.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from compiler.columns import Column
from compiler.errors import SampleError
from compiler.files import read_limited
from compiler.frontends.source import Signature
from compiler.schema import FeatureSchema, Schema
from compiler.tables import read_table
from device_contract.canonical import sha256_hex
from device_contract.frames import Frame
from device_contract.manifest import MAX_STREAM_NAME, Feature

MAX_SAMPLE_BYTES = 1 << 30
_SHOWN_NAMES = 5


@dataclass(frozen=True)
class Sample:
    """The sample, made to fit a model.

    Attributes:
        features: The model's features, in order.
        rows: float32 (n_rows, n_features), NaN where missing.
        sha256: Digest of the sample's file, or of its numbers when it came from memory.
        ignored: Columns that are no features of the model.
        frame: How the rows were computed from a stream, its channels described; None if they were given.
    """

    features: tuple[Feature, ...]
    rows: NDArray[np.float32]
    sha256: str
    ignored: tuple[str, ...]
    frame: Frame | None = None


def read_sample(path: Path) -> tuple[tuple[Column, ...], str]:
    """Read a sample's columns, and the digest of its file.

    Raises:
        SampleError: The file cannot be read or is not a sound table.
    """
    try:
        data = read_limited(path, MAX_SAMPLE_BYTES)
    except OSError as error:
        raise SampleError(f"cannot read sample {path}: {error.strerror}") from error
    except ValueError as error:
        raise SampleError(f"cannot read sample {path}: {error}") from error
    return read_table(data, path), sha256_hex(data)


def arrange(columns: tuple[Column, ...], sha256: str, signature: Signature, schema: Schema) -> Sample:
    """Pick the model's columns in its order, and describe them.

    Raises:
        SampleError: Columns are missing, superfluous, text, or empty; or the schema names others.
    """
    chosen = _choose(columns, signature, schema)
    described = {feature.name: feature for feature in schema.feature}
    unknown = sorted(set(described) - {column.name for column in chosen})
    if unknown:
        raise SampleError(f"the schema describes {_listed(unknown)}, which the model does not take")
    known = signature.categories or ((),) * len(chosen)
    columns_read = [
        _encode(column, described.get(column.name), texts) for column, texts in zip(chosen, known, strict=True)
    ]
    _check_values(columns_read)
    with np.errstate(over="ignore"):  # beyond float32 is infinite, as on the device
        rows = np.column_stack([column.values for column in columns_read]).astype(np.float32)
    features = tuple(_feature(column, described.get(column.name), rows[:, i]) for i, column in enumerate(columns_read))
    used = {"", *(column.name for column in chosen)}
    return Sample(features, rows, sha256, tuple(column.name for column in columns if column.name not in used))


def _choose(columns: tuple[Column, ...], signature: Signature, schema: Schema) -> list[Column]:
    """Return the model's columns: by the names that it or the schema knows, else all of them."""
    names = signature.feature_names
    if not names and len(schema.feature) == signature.n_features:
        names = tuple(feature.name for feature in schema.feature)
    unnamed = not any(column.name for column in columns)
    if names and not unnamed:
        return _by_name(columns, names)
    if len(columns) != signature.n_features:
        raise SampleError(f"the model takes {signature.n_features} features, the sample has {len(columns)} columns")
    names = names or tuple(f"feature.{index}" for index in range(len(columns)))
    return [_renamed(column, name) for column, name in zip(columns, names, strict=True)] if unnamed else list(columns)


def _by_name(columns: tuple[Column, ...], names: tuple[str, ...]) -> list[Column]:
    # LightGBM writes "_" for a blank in a name.
    by_name = {column.name.replace(" ", "_"): column for column in columns} | {
        column.name: column for column in columns
    }
    missing = [name for name in names if name not in by_name]
    if missing:
        raise SampleError(f"the model takes {_listed(missing)}, which the sample has no column for")
    return [by_name[name] for name in names]


def _renamed(column: Column, name: str) -> Column:
    return Column(name, column.values)


def _encode(column: Column, schema: FeatureSchema | None, known: tuple[str, ...]) -> Column:
    """Return the column as numbers; text becomes the position in the model's categories, then the schema's.

    Args:
        column: As it was read.
        schema: What the schema says of it.
        known: The texts that the model was fitted on, in its order.
    """
    named = schema.categories if schema is not None else ()
    categories = known + tuple(text for text in named if text not in known)
    if known and not (column.text or column.categories):
        raise SampleError(f"column {column.name!r} holds numbers, where the model was fitted on text")
    if categories and (column.text or column.categories):
        texts = column.text or _texts(column)
        positions = {text: float(position) for position, text in enumerate(categories)}
        strange = sorted({text for text in texts if text is not None and text not in positions})
        if strange:
            raise SampleError(f"column {column.name!r} holds {_listed(strange)}, not among its categories")
        values = np.array([np.nan if text is None else positions[text] for text in texts], dtype=np.float64)
        return Column(column.name, values, categories, unit=column.unit)
    if column.text:
        raise SampleError(f"column {column.name!r} holds text; list its categories in a schema file")
    if column.kind != "numbers":
        raise SampleError(f"column {column.name!r} holds {column.kind}, not numbers")
    return column


def _texts(column: Column) -> tuple[str | None, ...]:
    return tuple(None if np.isnan(value) else column.categories[int(value)] for value in column.values)


def _check_values(columns: list[Column]) -> None:
    if not len(columns[0].values):
        raise SampleError("the sample has no rows")
    empty = [column.name for column in columns if np.isnan(column.values).all()]
    if empty:
        raise SampleError(f"every value of column {_listed(empty)} is missing")


def _feature(column: Column, schema: FeatureSchema | None, values: NDArray[np.float32]) -> Feature:
    """Describe a feature: what the schema leaves open comes from the column itself."""
    if not 0 < len(column.name) <= MAX_STREAM_NAME:
        raise SampleError(f"column {column.name[:40]!r}: the name of a feature has 1 to {MAX_STREAM_NAME} characters")
    schema = schema or FeatureSchema(name=column.name)
    unit = column.unit if schema.unit is None else schema.unit
    categories = column.categories or schema.categories
    if categories:
        return Feature(name=column.name, unit=unit, kind="category", categories=categories)
    finite = values[np.isfinite(values)]
    lowest, highest = (float(finite.min()), float(finite.max())) if len(finite) else (None, None)
    lowest = lowest if schema.minimum is None else schema.minimum
    highest = highest if schema.maximum is None else schema.maximum
    if lowest is not None and highest is not None and lowest > highest:
        raise SampleError(f"column {column.name!r}: every value is out of the range that the schema gives it")
    return Feature(name=column.name, unit=unit, minimum=lowest, maximum=highest)


def _listed(names: list[str]) -> str:
    shown = ", ".join(repr(name) for name in names[:_SHOWN_NAMES])
    return shown if len(names) <= _SHOWN_NAMES else f"{shown} and {len(names) - _SHOWN_NAMES} more"
