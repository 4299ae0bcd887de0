import math
from array import array
from datetime import UTC, datetime
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from device_contract.manifest import Feature
from edge_agent.errors import RowRefusedError
from edge_agent.rows import Record, RowReader, parse_cells, parse_json_row, parse_time_ms

READER = RowReader((Feature(name="left"), Feature(name="mode", kind="category", categories=("off", "on"))))
NOON_MS = 1_420_113_600_000


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1, 0], (1.0, 0.0)),
        ({"mode": "on", "left": 2.5, "other": "ignored"}, (2.5, 1.0)),
        ([None, 1], (math.nan, 1.0)),
        (["", 1], (math.nan, 1.0)),
        (["NaN", 1], (math.nan, 1.0)),
        (["-Infinity", 1], (-math.inf, 1.0)),
        ([1e300, 1], (math.inf, 1.0)),
        ([-(10**400), 1], (-math.inf, 1.0)),
        ([True, 1], (1.0, 1.0)),
        ([np.float32(2.5), None], (2.5, math.nan)),
        ([None, Decimal(1)], (math.nan, 1.0)),
    ],
)
def test_rows(values: object, expected: tuple[float, ...]) -> None:
    row = READER.read(Record(values))  # type: ignore[arg-type]
    assert row.typecode == "f"
    assert row.tobytes() == array("f", expected).tobytes() or list(map(str, row)) == list(map(str, expected))


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ([1], "row_width"),
        ([1, 2, 3], "row_width"),
        ([], "row_width"),
        ({"left": 1}, "row_missing_feature"),
        (["two", 1], "row_text"),
        ([[10**5000], 1], "row_text"),
        ([1, "half"], "row_text"),
        ([[1], 1], "row_text"),
        ([{}, 1], "row_text"),
        ([np.zeros(2), 1], "row_text"),
        ([Decimal("sNaN"), 1], "row_text"),
        (None, "row_malformed"),
        (iter([1, 2]), "row_malformed"),
    ],
)
def test_rows_that_cannot_be_scored(values: object, reason: str) -> None:
    with pytest.raises(RowRefusedError) as refused:
        READER.read(Record(values))  # type: ignore[arg-type]
    assert refused.value.reason == reason


@given(st.binary(max_size=200))
def test_any_line_is_a_record_or_refused(line: bytes) -> None:
    try:
        record = parse_json_row(line)
    except RowRefusedError as error:
        if error.reason != "row_malformed":
            raise
    else:
        assert isinstance(record.values, list | dict)


@pytest.mark.parametrize(
    "value",
    [
        NOON_MS,
        float(NOON_MS),
        str(NOON_MS),
        np.int64(NOON_MS),
        "2015-01-01T12:00:00Z",
        "2015-01-01 12:00:00",
        "2015-01-01T13:00:00+01:00",
    ],
)
def test_times(value: object) -> None:
    assert parse_time_ms(value) == NOON_MS


def test_a_datetime() -> None:
    assert parse_time_ms(datetime(2015, 1, 1, 12, tzinfo=UTC)) == NOON_MS


@pytest.mark.parametrize(
    "value",
    [None, "", "noon", -1, pytest.param(10**5000, id="enormous"), "9" * 5000, 1e300, math.nan, [], np.zeros(2), "True"],
)
def test_what_is_no_time(value: object) -> None:
    with pytest.raises(RowRefusedError, match="not a time"):
        parse_time_ms(value)


def test_cells_of_csv() -> None:
    assert parse_cells(["time", "left"], [str(NOON_MS), "1.5"]) == Record({"time": NOON_MS, "left": 1.5}, NOON_MS)
    assert parse_cells(["left"], ["hot"]).values == {"left": "hot"}
    with pytest.raises(RowRefusedError, match="3 cells under 2 names"):
        parse_cells(["a", "b"], ["1", "2", "3"])
