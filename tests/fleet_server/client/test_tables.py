"""JSON objects as tables."""

import pyarrow as pa
import pytest
from pydantic import BaseModel

from fleet_server.bundles.catalogue import ModelJson
from fleet_server.client import schemas
from fleet_server.client.tables import table_of
from fleet_server.devices.routes import DeviceJson
from fleet_server.drift.routes import ChangeJson, DriftJson, VerdictJson
from fleet_server.drift.row_routes import AlarmedRowJson, AlarmedRowsJson, AlarmedValueJson

DEVICES = [
    {"device_id": "a", "labels": {"site": "north"}, "counters": {"rows_refused": 3}, "last_seen_ms": None},
    {"device_id": "b", "labels": {"line": "3", "hall": "1"}, "counters": {}, "last_seen_ms": 5},
    {"device_id": "c", "labels": {}, "counters": {}, "last_seen_ms": 7},
]


def test_each_device_has_its_own_labels_and_not_those_of_the_others() -> None:
    frame = table_of(schemas.DEVICES, DEVICES).to_pandas(maps_as_pydicts="strict")
    assert frame["labels"].tolist() == [device["labels"] for device in DEVICES]
    assert frame["counters"].tolist() == [device["counters"] for device in DEVICES]


def test_what_some_objects_lack_is_missing() -> None:
    schema = pa.schema({"a": pa.int64(), "b": pa.map_(pa.string(), pa.int64())})
    assert table_of(schema, [{"a": 1}, {"b": {}}]).to_pylist() == [{"a": 1, "b": None}, {"a": None, "b": []}]


@pytest.mark.parametrize(
    ("schema", "answers", "left_out"),
    [
        (schemas.DEVICES, [DeviceJson], set()),
        (schemas.MODELS, [ModelJson], set()),
        (schemas.VERDICTS, [DriftJson, VerdictJson], {"training", "own", "peers", "fleet", "evidence"}),
        (schemas.VERDICT_CHANGES, [ChangeJson], {"evidence"}),
        (
            schemas.ALARMED_ROWS,
            [AlarmedRowsJson, AlarmedRowJson, AlarmedValueJson],
            {"kind", "verdict", "since", "sentence", "looked_at", "rows", "streams"},
        ),
    ],
)
def test_without_objects_there_are_the_columns_that_the_answers_give(
    schema: pa.Schema, answers: list[type[BaseModel]], left_out: set[str]
) -> None:
    empty = table_of(schema, [])
    assert (empty.num_rows, empty.schema) == (0, schema)
    given = {_column_of(name) for answer in answers for name in answer.model_fields}
    assert set(schema.names) - {"comparison", "stream"} == given - left_out


def _column_of(name: str) -> str:
    return name if name.startswith("stream_") else name.removesuffix("_ms")
