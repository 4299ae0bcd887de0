"""The verdicts and the judged windows over HTTP, of one fleet with one broken sensor."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pytest

from fleet_server.app import FleetServer
from fleet_server.settings import DataFolder, Settings, read_settings
from fleet_server.setup import set_up
from tests.fleet_server.conftest import AppClient, ManualClock
from tests.fleet_server.drift.conftest import make_fleet
from tests.fleet_server.drift.days import DEVICES, LEARNED, report_days
from tests.fleet_server.drift.fleet import DAY_MS, MODEL

DAYS = LEARNED + 6


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppClient]:
    """A client of a server that has judged six devices, of which ``b`` is broken."""
    folder = DataFolder(Path(tmp_path_factory.mktemp("drift")) / "fleet")
    clock = ManualClock()
    set_up(folder, Settings(), clock)
    server = FleetServer(folder, read_settings(folder), clock)
    fleet = make_fleet(server, clock)
    for device_id in DEVICES:
        fleet.register(device_id, site="north" if device_id < "d" else "south")
    report_days(fleet, range(LEARNED))
    report_days(fleet, range(LEARNED, DAYS), {"b": 2.0})
    fleet.judge()
    yield AppClient(server.app, folder.admin_token.read_text().strip())
    server.close()


def table(api: AppClient, path: str, **parameters: Any) -> pa.Table:
    answer = api.get(path, params={"format": "arrow", **parameters})
    assert answer.status_code == 200, answer.text
    return pa.ipc.open_stream(answer.content).read_all()


def test_a_device_has_four_verdicts_with_evidence(api: AppClient) -> None:
    body = api.get("/api/v1/devices/b/drift").json()
    assert (body["device_id"], body["model"], body["version"]) == ("b", MODEL, "1")
    own = body["own"]
    assert (own["verdict"], own["features"], own["cause"]) == ("drift", ["temperature"], "offset")
    assert next(iter(own["evidence"])) == "temperature"
    location = own["evidence"]["temperature"]["channels"]["location"]
    assert location["drifts"]
    assert own["severity"] == pytest.approx(abs(location["severity"]))
    assert own["evidence"]["temperature"]["effect_sizes"]["population_stability_index"] > 0.2
    assert own["advice"]
    assert {body[kind]["verdict"] for kind in ("training", "peers", "fleet")} <= {"drift", "stable", "learning"}


def test_devices_are_listed_by_model_and_segment(api: AppClient) -> None:
    every = api.get("/api/v1/drift").json()["items"]
    assert [item["device_id"] for item in every] == list(DEVICES)
    south = api.get("/api/v1/drift", params={"label": "site=south", "model": MODEL}).json()["items"]
    assert [item["device_id"] for item in south] == ["d", "e", "f"]
    assert api.get("/api/v1/drift", params={"model": "other"}).json()["items"] == []


def test_changes_are_told_the_last_one_first(api: AppClient) -> None:
    changes = api.get("/api/v1/drift/changes", params={"device_id": "b", "kind": "own"}).json()["items"]
    assert changes[-1]["verdict"] == "learning"
    assert changes[0]["verdict"] == "drift"
    assert changes[0]["evidence"]["temperature"]["location"]["drifts"]
    fleet = api.get("/api/v1/drift/changes", params={"kind": "fleet", "model": MODEL, "limit": 1}).json()
    assert fleet["items"][0]["device_id"] is None


def test_a_table_has_a_row_for_each_stream_of_each_window(api: AppClient) -> None:
    whole = table(api, f"/api/v1/models/{MODEL}/drift")
    assert len(whole) == len(DEVICES) * (DAYS - 1) * 3
    part = table(api, f"/api/v1/models/{MODEL}/drift", device="b", feature="temperature", since_ms=LEARNED * DAY_MS)
    assert len(part) == DAYS - 1 - LEARNED
    last = part.to_pylist()[-1]
    assert last["own_severity"] > 1.0
    assert last["own_channel"] == "location"
    assert "own" in last["drifts"]
    assert dict(last["differences"])["location"] == pytest.approx(1.8, abs=0.4)  # the outermost bin has no middle
    assert last["mean_shift_sd"] == pytest.approx(2.0, abs=0.5)
    assert last["window_start"].timestamp() * 1000 == (DAYS - 2) * DAY_MS


def test_where_there_was_nothing_to_compare_with_there_is_no_severity(api: AppClient) -> None:
    first, *_ = table(api, f"/api/v1/models/{MODEL}/drift", device="a", feature="temperature").to_pylist()
    assert (first["own_severity"], first["own_channel"]) == (None, None)  # it has no past yet
    assert abs(first["training_severity"]) < 1.0
    assert first["drifts"] == []


def test_a_segment_and_a_page_of_it(api: AppClient) -> None:
    path, wanted = f"/api/v1/models/{MODEL}/drift", {"label": "site=south", "limit": 4}
    first = api.get(path, params=wanted).json()
    assert [item["device_id"] for item in first["items"]] == ["d", "e", "f", "d"]
    rest = api.get(path, params={**wanted, "cursor": first["next_cursor"]}).json()
    assert [item["device_id"] for item in rest["items"]] == ["e", "f", "d", "e"]
    assert [stream["stream"] for stream in first["items"][0]["streams"]] == ["temperature", "pressure", "power"]


def test_csv_holds_the_same(api: AppClient) -> None:
    answer = api.get(f"/api/v1/models/{MODEL}/drift", params={"format": "csv", "device": "a"})
    read = pyarrow.csv.read_csv(io.BytesIO(answer.content))
    assert len(read) == (DAYS - 1) * 3
    assert set(read["stream"].to_pylist()) == {"temperature", "pressure", "power"}


def test_the_fleets_chart_has_a_row_for_each_chart_of_each_window(api: AppClient) -> None:
    chart = table(api, f"/api/v1/models/{MODEL}/fleet", until_ms=DAY_MS)
    rows = {row["stream"]: row for row in chart.to_pylist() if row["channel"] == "location"}
    assert set(rows) == {"temperature", "pressure", "power"}
    assert {(row["devices"], row["group"], row["share_of_devices"]) for row in rows.values()} == {(6, "", 0.0)}
    page = api.get(f"/api/v1/models/{MODEL}/fleet", params={"limit": 1}).json()
    following = api.get(f"/api/v1/models/{MODEL}/fleet", params={"limit": 1, "cursor": page["next_cursor"]}).json()
    assert page["items"][0]["reference"] < following["items"][0]["reference"]


def test_one_look_names_what_is_more_than_chance(api: AppClient) -> None:
    path = f"/api/v1/models/{MODEL}/drift/sign-off"
    body = api.get(path).json()
    assert (body["against"], body["devices"], body["window_start_ms"]) == ("own", len(DEVICES), (DAYS - 2) * DAY_MS)
    assert body["charts"] > 100
    first = body["items"][0]
    assert (first["device_id"], first["stream"], first["channel"]) == ("b", "temperature", "location")
    assert {item["device_id"] for item in body["items"]} == {"b"}
    assert all(item["false_discovery_rate"] <= 0.05 for item in body["items"])
    found = table(api, path, false_discovery_rate=0.05).to_pylist()
    assert len(found) == body["found"]
    assert found[0]["score_sd"] == first["score_sd"]
    assert api.get(path, params={"limit": 1}).json()["items"] == [first]


def test_one_look_before_the_fault_finds_nothing(api: AppClient) -> None:
    path, before = f"/api/v1/models/{MODEL}/drift/sign-off", (LEARNED - 1) * DAY_MS
    for against in ("own", "peers"):
        body = api.get(path, params={"at_ms": before, "against": against}).json()
        assert (body["window_start_ms"], body["found"], body["items"]) == (before, 0, [])
        assert body["charts"] > 0


def test_one_look_counts_no_chart_that_was_compared_with_nothing(api: AppClient) -> None:
    path = f"/api/v1/models/{MODEL}/drift/sign-off"
    first = {against: api.get(path, params={"at_ms": 0, "against": against}).json() for against in ("own", "peers")}
    assert {(body["charts"], body["not_compared"]) for body in first.values()} == {(0, len(DEVICES))}
    own, peers = (api.get(path, params={"against": against}).json() for against in ("own", "peers"))
    assert own["not_compared"] == peers["not_compared"] == 0
    # tails, shapes and relations are not compared with peers
    assert 0 < peers["charts"] < own["charts"]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/v1/devices/nobody/drift", 404),
        ("/api/v1/models/nothing/drift", 404),
        ("/api/v1/models/nothing/fleet", 404),
        (f"/api/v1/models/{MODEL}/drift?feature=nothing", 404),
        (f"/api/v1/models/{MODEL}/drift?cursor=x", 422),
        (f"/api/v1/models/{MODEL}/fleet?cursor=x.y", 422),
        (f"/api/v1/models/{MODEL}/drift?label=x", 422),
        (f"/api/v1/models/{MODEL}/drift?format=xml", 422),
        ("/api/v1/drift?model=none", 404),
        ("/api/v1/drift/changes?kind=none", 422),
        ("/api/v1/drift/changes?model=none", 404),
        ("/api/v1/drift/changes?device_id=nobody", 404),
        ("/api/v1/models/nothing/drift/sign-off", 404),
        ("/api/v1/models/other/drift/sign-off", 404),
        (f"/api/v1/models/{MODEL}/drift/sign-off?false_discovery_rate=1", 422),
        (f"/api/v1/models/{MODEL}/drift/sign-off?against=fleet", 422),
    ],
)
def test_a_wrong_request_is_a_problem(api: AppClient, path: str, status: int) -> None:
    answer = api.get(path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
