"""JSON objects as tables."""

from fleet_server.client.tables import table_of

DEVICES = [
    {"device_id": "a", "labels": {"site": "north"}, "counters": {"rows_refused": 3}, "last_seen_ms": None},
    {"device_id": "b", "labels": {"line": "3", "hall": "1"}, "counters": {}, "last_seen_ms": 5},
    {"device_id": "c", "labels": {}, "counters": {}, "last_seen_ms": 7},
]


def test_each_device_has_its_own_labels_and_not_those_of_the_others() -> None:
    frame = table_of(DEVICES).to_pandas(maps_as_pydicts="strict")
    assert frame["labels"].tolist() == [device["labels"] for device in DEVICES]
    assert frame["counters"].tolist() == [device["counters"] for device in DEVICES]


def test_what_some_objects_lack_is_missing() -> None:
    assert table_of([{"a": 1}, {"b": "x"}]).to_pylist() == [{"a": 1, "b": None}, {"a": None, "b": "x"}]
    assert table_of([{"labels": {}}, {}]).to_pylist() == [{"labels": []}, {"labels": None}]
    assert table_of([]).num_columns == 0
