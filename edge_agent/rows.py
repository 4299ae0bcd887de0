"""Rows: from what a source gives to the float32 values that a model takes.

A row is a list of numbers in the model's order, or an object by feature name; names
that the model does not know are ignored, so a device may send all that it measures.
``null``, an empty cell and ``NaN`` are missing values. ``time`` (Unix milliseconds, or
ISO 8601, without an offset UTC) is the row's event time.
"""

import array
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, SupportsFloat, SupportsInt

import msgspec

from device_contract.errors import shown
from device_contract.manifest import Feature
from edge_agent.errors import RowRefusedError

TIME_NAME: Final = "time"
MAX_LINE_BYTES: Final = 1 << 20
_MAX_TIME_MS: Final = 2**53
_WORDS: Final = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
"""JSON has no such numbers; these words stand for them (as in ProtoJSON)."""
Values = Sequence[Any] | Mapping[str, Any]
_decoder = msgspec.json.Decoder(type=list[Any] | dict[str, Any])


@dataclass(frozen=True)
class Record:
    """One row as the source gave it.

    Attributes:
        values: By position or by feature name.
        time_ms: Event time, Unix milliseconds; None when the row carries none.
    """

    values: Values
    time_ms: int | None = None


def parse_json_row(line: bytes) -> Record:
    """Read one line of NDJSON.

    Raises:
        RowRefusedError: It is no JSON array or object, or its time cannot be read.
    """
    if len(line) > MAX_LINE_BYTES:
        raise RowRefusedError("row_malformed", f"line of {len(line)} bytes, limit {MAX_LINE_BYTES}")
    try:
        values = _decoder.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RowRefusedError("row_malformed", f"not a row: {line[:80]!r}: {error}") from error
    if isinstance(values, dict) and TIME_NAME in values:
        return Record(values, parse_time_ms(values[TIME_NAME]))
    return Record(values)


def parse_cells(names: Sequence[str], cells: Sequence[str]) -> Record:
    """Read one line of CSV under its header.

    Raises:
        RowRefusedError: There are too few or too many cells, or the time cannot be read.
    """
    if len(cells) != len(names):
        raise RowRefusedError("row_width", f"{len(cells)} cells under {len(names)} names")
    values = dict(zip(names, map(_cell, cells), strict=True))
    if TIME_NAME in values:
        return Record(values, parse_time_ms(values[TIME_NAME]))
    return Record(values)


def parse_time_ms(value: object) -> int:
    """Return a time as Unix milliseconds.

    Args:
        value: Milliseconds as a number or in digits, ISO 8601 text, or a datetime.

    Raises:
        RowRefusedError: It is none of these, or out of range.
    """
    try:
        time_ms = _to_ms(value)
    except (TypeError, ValueError, OverflowError):
        time_ms = -1
    if not 0 <= time_ms <= _MAX_TIME_MS:
        raise RowRefusedError("row_malformed", f"not a time: {shown(value, 80)}")
    return time_ms


def _to_ms(value: object) -> int:
    if isinstance(value, int | float):
        return int(value)
    if isinstance(value, str) and value.strip().isdigit():
        return int(value)
    if isinstance(value, SupportsInt):  # numpy's numbers
        return int(value)
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value).strip())
    return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)


class RowReader:
    """Turns records into the rows of one model.

    Args:
        features: The model's features, in order.
    """

    def __init__(self, features: Sequence[Feature]) -> None:
        self._names = tuple(feature.name for feature in features)
        self._categories = {
            feature.name: {category: float(place) for place, category in enumerate(feature.categories)}
            for feature in features
            if feature.kind == "category"
        }

    def read(self, record: Record) -> "array.array[float]":
        """Return the row, float32 (n_features,).

        Raises:
            RowRefusedError: Wrong width, a missing feature, or text where a number belongs.
        """
        values = self._in_order(record.values)
        try:
            return array.array("f", values)
        except (TypeError, ValueError, OverflowError):  # null, text, or an integer beyond float64
            return self._one_by_one(values)

    def skip(self) -> None:
        """Know that a record was refused, which no other row depends on."""

    def _one_by_one(self, values: Sequence[Any]) -> "array.array[float]":
        return array.array("f", [self._number(name, value) for name, value in zip(self._names, values, strict=True)])

    def _in_order(self, values: Values) -> Sequence[Any]:
        if isinstance(values, Mapping):
            try:
                return [values[name] for name in self._names]
            except KeyError as error:
                raise RowRefusedError("row_missing_feature", f"row lacks {error}") from None
        try:
            width = len(values)
        except TypeError as error:
            raise RowRefusedError("row_malformed", f"not a row: {error}") from None
        if width != len(self._names):
            raise RowRefusedError("row_width", f"row has {width} values, the model takes {len(self._names)}")
        return values

    def _number(self, name: str, value: Any) -> float:  # noqa: ANN401  (whatever a source gives)
        if value is None:
            return math.nan
        if isinstance(value, str):
            return self._from_text(name, value)
        try:
            return _to_float(value)
        except (TypeError, ValueError):
            raise RowRefusedError("row_text", f"{name} is {shown(value)}, not a number") from None

    def _from_text(self, name: str, text: str) -> float:
        number = self._categories.get(name, _WORDS).get(text) if text else math.nan
        if number is not None:
            return number
        raise RowRefusedError("row_text", f"{name} is {text[:40]!r}, not a number")


def _to_float(value: SupportsFloat) -> float:
    try:
        return float(value)
    except OverflowError:  # of whole numbers alone
        return math.inf if value > 0 else -math.inf  # type: ignore[operator]


def _cell(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text
