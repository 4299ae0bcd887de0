"""Uploads of labels: each row stored or refused with its line, whatever the file's format."""

import csv
import io
import json
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fleet_server.feedback.uploads import MAX_LABELS, MAX_UPLOAD_BYTES
from tests.fleet_server.feedback.plant import Json, Plant, at, figures

ROUTE = "/api/v1/models/failure/feedback"
ROWS: list[Json] = [
    {"device_id": "mill-1", "version": "1", "row": 1, "time_ms": at(0.1), "label": "yes", "prediction": "yes"},
    {"device_id": "mill-1", "version": "1", "row": 2, "time_ms": at(0.2), "label": "no", "prediction": "yes"},
    {"device_id": "mill-2", "version": "1", "row": 1, "time_ms": at(0.1), "label": "no", "prediction": "no"},
]


def as_json(rows: list[Json]) -> dict[str, Any]:
    return {"content": json.dumps(rows), "headers": {"Content-Type": "application/json"}}


def as_csv(rows: list[Json]) -> dict[str, Any]:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(dict.fromkeys(name for row in rows for name in row)))
    writer.writeheader()
    writer.writerows(rows)
    return {"content": text.getvalue(), "headers": {"Content-Type": "text/csv; charset=utf-8"}}


def as_parquet(rows: list[Json]) -> dict[str, Any]:
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), sink)
    return {"content": sink.getvalue(), "headers": {"Content-Type": "application/vnd.apache.parquet"}}


def test_the_three_formats_say_the_same(plant: Plant, http: Any) -> None:
    for device_id in ("mill-1", "mill-2"):
        plant.report(device_id, "failure", 0)
    answer = http.post(ROUTE, **as_json(ROWS)).json()
    assert answer == {"received": 3, "new": 3, "corrected": 0, "repeated": 0, "waiting": [], "refused": []}
    for made in (as_json, as_csv, as_parquet):
        assert http.post(ROUTE, **made(ROWS)).json()["repeated"] == 3
    found = figures(http, "failure")
    assert (found["labelled"], found["figures"]["accuracy"]["value"]) == (3, pytest.approx(2 / 3))


@pytest.mark.usefixtures("plant")
def test_who_sent_labels_is_in_the_audit_log(http: Any) -> None:
    for _ in range(2):
        http.post(ROUTE, **as_json(ROWS))
    http.post(ROUTE, **as_json([ROWS[0] | {"label": "no"}, {}]))
    lines = http.get("/api/v1/audit", params={"action": "labels.send"}).json()["items"]
    assert [(line["actor"], line["subject"], line["detail"]) for line in lines] == [
        ("admin", "failure", {"new": 0, "corrected": 1}),
        ("admin", "failure", {"new": 3, "corrected": 0}),
    ]


def test_a_bad_row_spoils_no_other_and_is_shown_with_its_line(plant: Plant, http: Any) -> None:
    plant.report("mill-1", "failure", 0)
    bad = [
        {"device_id": "nobody", "version": "1", "row": 1, "label": "yes"},
        {"device_id": "no\x00one", "version": "1", "row": 1, "label": "yes"},
        {"version": "1", "row": 1, "label": "yes"},
        {"device_id": "mill-1", "version": "99", "row": 1, "label": "yes"},
        {"device_id": "mill-1", "version": "no such", "row": 1, "label": "yes"},
        {"device_id": "mill-1", "version": "1", "row": 1, "label": "maybe"},
        {"device_id": "mill-1", "version": "1", "row": 9999, "label": "yes"},
    ]
    answer = http.post(ROUTE, **as_json([ROWS[0], *bad, ROWS[1]])).json()
    assert (answer["received"], answer["new"]) == (9, 3)
    refused = {each["reason"]: [example["line"] for example in each["first"]] for each in answer["refused"]}
    assert refused == {"unknown_device": [2, 3, 4], "unknown_version": [5, 6], "unknown_class": [7]}
    assert [(each["reason"], each["labels"]) for each in answer["waiting"]] == [("row_never_scored", 1)]
    listed = http.get(f"{ROUTE}/refusals").json()["items"]
    assert {(each["device_id"], each["reason"]): each["labels"] for each in listed} == {
        ("", "unknown_device"): 3,
        ("mill-1", "unknown_class"): 1,
        ("mill-1", "unknown_version"): 2,
    }
    own = http.get("/api/v1/devices/mill-1/feedback/refusals").json()["items"]
    assert [each["reason"] for each in own] == ["unknown_class", "unknown_version"]


def test_a_label_without_a_version_is_the_truth_for_each_that_scored_then(plant: Plant, http: Any) -> None:
    plant.publish("failure", "2", labels=("no", "yes"))
    plant.report("mill-1", "failure", 0)
    plant.report("mill-1", "failure", 0, version="2")
    plant.report("mill-1", "failure", 1, version="2")
    for hour in (0.5, 1.5, 2.5):
        row = {"device_id": "mill-1", "time_ms": at(hour), "label": "yes", "prediction": "yes"}
        http.post(ROUTE, **as_csv([row]))
    items = http.get("/api/v1/models/failure/performance").json()["items"]
    assert {item["version"]: item["labelled"] for item in items} == {"1": 1, "2": 2}
    (refused,) = http.get(f"{ROUTE}/refusals").json()["items"]
    assert (refused["reason"], refused["labels"]) == ("unknown_version", 1)


UNREADABLE = [
    (b"{}", "application/json", 422, "invalid_request"),
    (b"[1]", "application/json", 422, "invalid_request"),
    (b"\xff", "text/csv", 422, "invalid_request"),
    (b"a,b\n1,2\n", "text/csv", 422, "invalid_request"),
    (b"label,label\n1,2\n", "text/csv", 422, "invalid_request"),
    (b"label\n1,2\n", "text/csv", 422, "invalid_request"),
    (b'label\n"1', "text/csv", 422, "invalid_request"),
    (b"", "text/csv", 422, "invalid_request"),
    (b"PAR1 not", "application/vnd.apache.parquet", 422, "invalid_request"),
    (b"[]", "text/plain", 422, "unknown_media_type"),
    (b"label\n" + b"1\n" * (MAX_LABELS + 1), "text/csv", 413, "too_large"),
    (bytes(MAX_UPLOAD_BYTES + 1), "text/csv", 413, "too_large"),
]


@pytest.mark.usefixtures("plant")
def test_a_file_that_cannot_be_read_is_one_clear_line(http: Any) -> None:
    for content, media_type, status, code in UNREADABLE:
        answer = http.post(ROUTE, content=content, headers={"Content-Type": media_type})
        assert (answer.status_code, answer.json()["code"]) == (status, code), content[:20]
        assert "\n" not in answer.json()["detail"]


@pytest.mark.usefixtures("plant")
def test_rows_are_stored_device_by_device_and_examples_are_the_first_of_the_file(
    http: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fleet_server.feedback.uploading.CHUNK_DEVICES", 1)
    rows = [{"device_id": device_id, "version": "1", "label": "yes"} for device_id in ("nobody-2", "nobody-1") * 3]
    (refused,) = http.post(ROUTE, **as_json(rows)).json()["refused"]
    assert (refused["rows"], [example["line"] for example in refused["first"]]) == (6, [1, 2, 3])


@pytest.mark.parametrize("media_type", ["text/csv", "application/json"])
@pytest.mark.usefixtures("plant")
def test_of_a_file_that_is_refused_no_row_is_stored(
    http: Any, monkeypatch: pytest.MonkeyPatch, media_type: str
) -> None:
    monkeypatch.setattr("fleet_server.feedback.uploading.CHUNK_LABELS", 2)
    monkeypatch.setattr("fleet_server.feedback.uploads.MAX_LABELS", 4)
    made = as_csv if media_type == "text/csv" else as_json
    contents = [made(ROWS * 2)["content"]]
    contents += [made(ROWS)["content"] + end for end in ("1,2,3,4,5,6,7\n", '"1')] if made is as_csv else []
    for content in contents:
        answer = http.post(ROUTE, content=content, headers={"Content-Type": media_type})
        assert answer.status_code in {413, 422}
        assert "\n" not in answer.json()["detail"]
    assert http.get(ROUTE).json()["items"] == []
    assert http.get(f"{ROUTE}/refusals").json()["items"] == []


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({}, "no_key"),
        ({"time_ms": "yesterday"}, "bad_time"),
        ({"time_ms": at(1_000_000)}, "future_time"),
        ({"row": "first"}, "bad_row"),
        ({"row": 1}, "unknown_version"),
    ],
)
@pytest.mark.usefixtures("plant")
def test_without_a_version_a_row_is_refused_for_what_is_wrong_with_it(http: Any, given: Json, reason: str) -> None:
    (refused,) = http.post(ROUTE, **as_json([{"device_id": "mill-1", "label": "yes"} | given])).json()["refused"]
    assert refused["reason"] == reason


@pytest.mark.usefixtures("plant")
def test_a_parquet_file_of_one_long_text_repeated_is_refused(http: Any) -> None:
    texts = pa.DictionaryArray.from_arrays(pa.array([0] * 50_000, pa.int32()), pa.array(["x" * (1 << 20)]))
    table = pa.table({"device_id": texts, "label": texts})
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd")
    answer = http.post(ROUTE, content=sink.getvalue(), headers={"Content-Type": "application/vnd.apache.parquet"})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


def test_labels_are_listed_as_they_were_given(plant: Plant, http: Any) -> None:
    plant.report("mill-1", "failure", 0)
    http.post(ROUTE, **as_json(ROWS))
    first = http.get(ROUTE, params={"limit": 2}).json()
    rest = http.get(ROUTE, params={"limit": 2, "cursor": first["next_cursor"]}).json()
    assert [(item["device_id"], item["row"], item["label"]) for item in first["items"] + rest["items"]] == [
        ("mill-1", 1, "yes"),
        ("mill-1", 2, "no"),
        ("mill-2", 1, "no"),
    ]
    assert [item["reason"] for item in http.get(ROUTE, params={"reason": "no_window"}).json()["items"]] == ["no_window"]
    assert len(http.get(ROUTE, params={"reason": ""}).json()["items"]) == 2


def test_a_table_of_labels_can_be_uploaded_again(plant: Plant, http: Any) -> None:
    plant.report("mill-1", "failure", 0)
    http.post(ROUTE, **as_json(ROWS))
    table = http.get(ROUTE, params={"format": "csv", "since_ms": at(0.15)})
    assert len(table.text.splitlines()) == 2
    everything = http.get(ROUTE, params={"format": "csv"}).content
    answer = http.post(ROUTE, content=everything, headers={"Content-Type": "text/csv"}).json()
    assert (answer["received"], answer["repeated"]) == (3, 3)
    arrow = pa.ipc.open_stream(http.get(ROUTE, params={"format": "arrow"}).content).read_all()
    assert arrow["label"].to_pylist() == ["yes", "no", "no"]


@pytest.mark.usefixtures("plant")
def test_only_engineers_and_operators_upload(http: Any) -> None:
    token = http.post("/api/v1/tokens", json={"name": "jo", "role": "viewer"}).json()["token"]
    assert http.as_holder(token).post(ROUTE, **as_json(ROWS)).status_code == 403
    assert http.as_holder("").post(ROUTE, **as_json(ROWS)).status_code == 401
    assert http.post("/api/v1/models/nothing/feedback", **as_json(ROWS)).status_code == 404


@pytest.mark.usefixtures("plant")
def test_a_name_that_there_is_not_is_no_empty_list(http: Any) -> None:
    for path in (ROUTE, "/api/v1/models/failure/performance"):
        for wrong in ({"version": "99"}, {"device_id": "nobody"}):
            answer = http.get(path, params=wrong)
            assert answer.status_code == 404, (path, wrong)
            assert "no " in answer.json()["detail"]
    report = http.get("/api/v1/models/failure/versions/1/performance", params={"device_id": "nobody"})
    assert report.status_code == 404
