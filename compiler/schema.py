"""The optional schema file: what the sample's columns and the model's outputs mean.

TOML; the page is ``docs/formats/schema.md``. Whatever it says of a feature stands over what the
sample's own columns say.
"""

from pathlib import Path
from typing import Literal

import msgspec

from compiler.errors import SampleError


class FeatureSchema(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is known of one feature."""

    name: str
    unit: str | None = None
    kind: Literal["number", "category"] | None = None
    minimum: float | None = None
    maximum: float | None = None
    categories: tuple[str, ...] = ()


class OutputSchema(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is known of one output, in the model's order."""

    name: str
    unit: str = ""


class Schema(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A schema file."""

    schema_version: Literal[1] = 1
    feature: tuple[FeatureSchema, ...] = ()
    output: tuple[OutputSchema, ...] = ()


def read_schema(path: Path) -> Schema:
    """Read a schema file.

    Raises:
        SampleError: The file cannot be read, is malformed, or contradicts itself.
    """
    try:
        schema = msgspec.toml.decode(path.read_bytes(), type=Schema)
    except OSError as error:
        raise SampleError(f"cannot read schema {path}: {error.strerror}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise SampleError(f"malformed schema {path}: {error}") from error
    for what, names in (("feature", [f.name for f in schema.feature]), ("output", [o.name for o in schema.output])):
        repeated = sorted({name for name in names if names.count(name) > 1})
        if repeated:
            raise SampleError(f"schema {path} describes {what} {repeated[0]!r} twice")
    for feature in schema.feature:
        _check(feature, path)
    return schema


def _check(feature: FeatureSchema, path: Path) -> None:
    lowest, highest = feature.minimum, feature.maximum
    if lowest is not None and highest is not None and lowest > highest:
        raise SampleError(f"schema {path}: {feature.name!r} has a minimum above its maximum")
    if feature.kind == "category" and not feature.categories:
        raise SampleError(f"schema {path}: {feature.name!r} is a category without categories")
    if feature.categories and (feature.kind == "number" or len(set(feature.categories)) < len(feature.categories)):
        raise SampleError(f"schema {path}: the categories of {feature.name!r} repeat, or belong to a number")
