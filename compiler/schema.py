"""The optional schema file: what the sample's columns and the model's outputs mean.

TOML; the page is ``docs/formats/schema.md``. Whatever it says of a feature stands over what the
sample's own columns say.
"""

import math
from collections import Counter
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from compiler.errors import SampleError
from compiler.files import read_limited
from device_contract.manifest import StreamName

MAX_SCHEMA_BYTES = 16 << 20
DAY_S = 86_400


class FeatureSchema(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is known of one feature."""

    name: StreamName
    unit: str | None = None
    kind: Literal["number", "category"] | None = None
    minimum: float | None = None
    maximum: float | None = None
    categories: tuple[str, ...] = ()


class OutputSchema(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is known of one output, in the model's order."""

    name: StreamName
    unit: str = ""


class Schema(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A schema file."""

    schema_version: Literal[1] = 1
    season_s: Annotated[int, msgspec.Meta(ge=1, le=366 * DAY_S)] = DAY_S
    """After how long the world repeats itself, seconds."""
    feature: tuple[FeatureSchema, ...] = ()
    output: tuple[OutputSchema, ...] = ()


def read_schema(path: Path) -> Schema:
    """Read a schema file.

    Raises:
        SampleError: The file cannot be read, is malformed, or contradicts itself.
    """
    try:
        schema = msgspec.toml.decode(read_limited(path, MAX_SCHEMA_BYTES), type=Schema)
    except OSError as error:
        raise SampleError(f"cannot read schema {path}: {error.strerror}") from error
    except (msgspec.DecodeError, ValueError, RecursionError) as error:  # ValueError: not UTF-8, or too large
        raise SampleError(f"malformed schema {path}: {error}") from error
    for what, names in (("feature", [f.name for f in schema.feature]), ("output", [o.name for o in schema.output])):
        repeated = next((name for name, count in Counter(names).items() if count > 1), None)
        if repeated is not None:
            raise SampleError(f"schema {path} describes {what} {repeated!r} twice")
    for feature in schema.feature:
        _check(feature, path)
    return schema


def _check(feature: FeatureSchema, path: Path) -> None:
    lowest, highest = feature.minimum, feature.maximum
    if any(bound is not None and math.isnan(bound) for bound in (lowest, highest)):
        raise SampleError(f"schema {path}: the range of {feature.name!r} is not a number")
    if lowest is not None and highest is not None and lowest > highest:
        raise SampleError(f"schema {path}: {feature.name!r} has a minimum above its maximum")
    if feature.kind == "category" and not feature.categories:
        raise SampleError(f"schema {path}: {feature.name!r} is a category without categories")
    if feature.categories and (feature.kind == "number" or len(set(feature.categories)) < len(feature.categories)):
        raise SampleError(f"schema {path}: the categories of {feature.name!r} repeat, or belong to a number")
