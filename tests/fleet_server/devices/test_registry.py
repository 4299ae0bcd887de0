"""The registry keeps labels, and what devices say of themselves."""

from typing import Any

import pytest
from sqlalchemy import insert

from device_contract.messages import Birth, SlotState
from fleet_server.app import FleetServer
from fleet_server.broker.ingest import Inbound
from fleet_server.bulk import put_rows
from fleet_server.devices.tables import DeviceLabelRow, DeviceRow
from tests.fleet_server.conftest import AppClient, ManualClock
from tests.fleet_server.enrolling import enroll
from tests.support.messages import make_birth, make_status


def birth(device_id: str = "t1", boot: str = "1", **known: Any) -> Birth:
    return make_birth(device_id, boot_id=boot * 16, profile="raspberry-pi-4", **known)


def say(server: FleetServer, *messages: Birth) -> None:
    with server.rooms.database.session() as session:
        server.rooms.devices.record_births(session, [Inbound(message.device_id, message) for message in messages])


def test_births_and_wills_are_shown(http: AppClient, server: FleetServer, clock: ManualClock) -> None:
    enroll(http, "t1")
    assert http.get("/api/v1/devices/t1").json()["online"] is False
    say(server, birth())
    shown = http.get("/api/v1/devices/t1").json()
    assert (shown["online"], shown["profile"], shown["last_seen_ms"]) == (True, "raspberry-pi-4", clock())
    say(server, birth(online=False))
    assert http.get("/api/v1/devices/t1").json()["online"] is False


def test_the_will_of_an_earlier_boot_does_not_hide_the_next(http: AppClient, server: FleetServer) -> None:
    enroll(http, "t1")
    say(server, birth(boot="1"), birth(boot="2"), birth(boot="1", online=False))
    assert http.get("/api/v1/devices/t1").json()["online"] is True


@pytest.mark.slow
def test_a_fleet_has_more_devices_than_a_query_has_parameters(server: FleetServer) -> None:
    count = 70_000
    device = DeviceRow(device_id="", state="active", profile="p", enrolled_ms=0, certificate_expires_ms=0)
    plain = {**device.model_dump(exclude_none=True), "slots": "[]", "counters": "{}"}
    with server.rooms.database.session() as session:
        ids = [f"t{number:05}" for number in range(count)]
        put_rows(session, DeviceRow, list(plain), [tuple({**plain, "device_id": name}.values()) for name in ids])
        session.execute(insert(DeviceLabelRow), [{"device_id": ids[-1], "key": "site", "value": "north"}])
    found = server.rooms.devices.find({})
    assert len(found) == count
    assert (found[0].labels, found[-1].labels) == ({}, {"site": "north"})


def test_strangers_leave_no_trace(http: AppClient, server: FleetServer) -> None:
    say(server, birth("stranger"))
    assert http.get("/api/v1/devices").json()["items"] == []


def test_a_status_tells_everything(http: AppClient, server: FleetServer) -> None:
    enroll(http, "t1")
    slot = SlotState(slot="champion", model="turbine", version="1", bundle_sha256="0" * 64)
    status = make_status(
        "t1",
        phase="failed",
        reason_code="self_test",
        detail="row 1",
        slots=(slot,),
        rows_scored=2**40,
        outbox_reports=3,
        counters={"rows_refused": 4},
    )
    with server.rooms.database.session() as session:
        server.rooms.devices.record_status(session, status)
    shown = http.get("/api/v1/devices/t1").json()
    assert shown["slots"] == [{"slot": "champion", "model": "turbine", "version": "1", "bundle_sha256": "0" * 64}]
    assert (shown["phase"], shown["reason_code"], shown["rows_scored"]) == ("failed", "self_test", 2**40)
    assert (shown["outbox_reports"], shown["counters"]) == (3, {"rows_refused": 4})


def test_labels_filter_and_pages_join(http: AppClient, server: FleetServer) -> None:
    for number in range(5):
        enroll(http, f"t{number}", labels={"site": "north" if number % 2 else "south", "number": str(number)})
    north = http.get("/api/v1/devices", params={"label": "site=north"}).json()
    assert [item["device_id"] for item in north["items"]] == ["t1", "t3"]
    both = http.get("/api/v1/devices", params={"label": ["site=north", "number=3"]}).json()
    assert [item["device_id"] for item in both["items"]] == ["t3"]
    assert [device.device_id for device in server.rooms.devices.find({"site": "south"})] == ["t0", "t2", "t4"]
    seen, cursor = [], None
    while True:
        page = http.get("/api/v1/devices", params={"limit": 2} | ({"cursor": cursor} if cursor else {})).json()
        seen += [item["device_id"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == [f"t{number}" for number in range(5)]


def test_labels_are_replaced_and_audited(http: AppClient) -> None:
    enroll(http, "t1", labels={"a": "1", "b": "2"})
    assert http.request("PATCH", "/api/v1/devices/t1", json={"labels": {"b": "3"}}).json()["labels"] == {"b": "3"}
    assert http.get("/api/v1/devices/t1").json()["labels"] == {"b": "3"}
    lines = http.get("/api/v1/audit", params={"action": "device.label"}).json()["items"]
    assert [(line["actor"], line["subject"], line["detail"]) for line in lines] == [
        ("admin", "t1", {"labels": {"b": "3"}})
    ]
    assert http.request("PATCH", "/api/v1/devices/none", json={"labels": {}}).status_code == 404


@pytest.mark.parametrize("label", ["site", "=x", "a=\x00", "a b=c"])
def test_bad_filters_are_refused(http: AppClient, label: str) -> None:
    assert http.get("/api/v1/devices", params={"label": label}).status_code == 422


def test_revoked_devices_are_found_no_more(http: AppClient, server: FleetServer) -> None:
    enroll(http, "t1")
    enroll(http, "t2")
    http.post("/api/v1/devices/t1/revoke")
    assert [device.device_id for device in server.rooms.devices.find({})] == ["t2"]
    assert http.post("/api/v1/devices/none/revoke").status_code == 404


def test_a_broker_that_fails_to_cut_does_not_stop_a_revocation(http: AppClient, server: FleetServer) -> None:
    def fail(_device_id: str) -> None:
        raise TimeoutError

    enroll(http, "t1")
    server.rooms.devices.on_cut(fail)
    assert http.post("/api/v1/devices/t1/revoke").status_code == 200
