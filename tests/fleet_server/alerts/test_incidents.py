"""Many alerts, one cause: one incident, and one notice."""

from typing import Any

import pytest

from tests.fleet_server.alerts.conftest import Receiver, Room
from tests.fleet_server.conftest import AppClient

DEVICES = 500


def listed(api: AppClient, **query: Any) -> list[dict[str, Any]]:
    return list(api.get("/api/v1/incidents", params=query).json()["items"])


def drift(room: Room, devices: range, *features: str, kind: str = "peers") -> None:
    for number in devices:
        room.change("drift", device_id=f"d{number}", kind=kind, features=features)
    room.alerts.step()


def told(room: Room, receiver: Receiver) -> list[tuple[str, int]]:
    while room.delivery.deliver():
        pass
    return [(told["event"], told["incident"]["devices"]) for told in receiver.told]


@pytest.mark.slow
def test_five_hundred_devices_with_one_fault_are_told_of_once(room: Room, api: AppClient, receiver: Receiver) -> None:
    room.receivers.create("ann", "ops", "webhook", receiver.url)
    drift(room, range(DEVICES), "wind", "power")
    (incident,) = listed(api)
    assert (incident["devices"], incident["features"]) == (DEVICES, ["wind", "power"])
    assert told(room, receiver) == [("incident.opened", DEVICES)]
    assert len(receiver.told[0]["alerts"]) == 20
    drift(room, range(DEVICES, DEVICES + 5), "power", "wind")
    assert len(listed(api)) == 1
    assert told(room, receiver) == [("incident.opened", DEVICES)]
    for number in range(DEVICES + 5):
        room.change("stable", device_id=f"d{number}")
    room.alerts.step()
    assert listed(api)[0]["state"] == "closed"
    assert [event for event, _ in told(room, receiver)] == ["incident.opened", "incident.closed"]


def test_other_features_and_other_times_are_other_incidents(room: Room, api: AppClient) -> None:
    drift(room, range(2), "wind")
    room.clock.advance(1)
    drift(room, range(2, 4), "temperature")
    room.clock.advance(86_401)
    drift(room, range(4, 6), "wind")
    assert [(found["features"], found["devices"]) for found in listed(api)] == [
        (["wind"], 2),
        (["temperature"], 2),
        (["wind"], 2),
    ]


def test_no_chain_of_neighbours_becomes_one_incident(room: Room, api: AppClient) -> None:
    for number, features in enumerate([("a", "b"), ("b", "c"), ("c", "d")]):
        room.change("drift", device_id=f"d{number}", features=features)
        room.alerts.step()
        room.clock.advance(1)
    assert [found["features"] for found in listed(api)] == [["c", "d"], ["b"]]


def test_the_fleet_takes_its_devices_in(room: Room, api: AppClient, receiver: Receiver) -> None:
    room.receivers.create("ann", "ops", "webhook", receiver.url)
    drift(room, range(3), "wind")
    room.clock.advance(1)
    room.change("drift", device_id="", kind="fleet", features=("wind", "power"))
    room.alerts.step()
    drift(room, range(3, 6), "power", kind="own")
    drift(room, range(6, 7), "yaw")
    by_kind = {(found["kind"], found["state"]): found for found in listed(api)}
    fleet = by_kind["fleet", "open"]
    assert (fleet["devices"], fleet["features"]) == (6, ["wind", "power"])
    assert by_kind["peers", "closed"]["merged_into"] == fleet["incident_id"]
    assert by_kind["peers", "open"]["features"] == ["yaw"]
    members = api.get("/api/v1/alerts", params={"incident": fleet["incident_id"]}).json()["items"]
    assert len(members) == 7
    events = sorted(event for event, _ in told(room, receiver))
    assert events == ["incident.closed", "incident.opened", "incident.opened", "incident.opened"]


def test_only_what_is_worse_is_news(room: Room, receiver: Receiver) -> None:
    room.receivers.create("ann", "ops", "webhook", receiver.url)
    room.receivers.create("ann", "night", "webhook", receiver.url, "critical")
    for severity in (1.5, 2.0, 9.0, 2.0):
        room.change("drift", severity=severity)
        room.alerts.step()
        room.clock.advance(1)
    events = sorted(event for event, _ in told(room, receiver))
    assert events == ["incident.changed", "incident.changed", "incident.opened"]


def test_people_take_incidents_over(room: Room, api: AppClient) -> None:
    drift(room, range(3), "wind")
    path = f"/api/v1/incidents/{listed(api)[0]['incident_id']}"
    assert api.request("PATCH", path, json={"owner": "anna"}).json()["owner"] == "anna"
    seen = api.post(f"{path}/acknowledge").json()
    assert seen["acknowledged_by"] is not None
    assert all(alert["acknowledged_by"] for alert in api.get("/api/v1/alerts").json()["items"])
    assert api.post(f"{path}/close").json()["state"] == "closed"
    assert api.post(f"{path}/close").status_code == 409
    assert api.get("/api/v1/alerts", params={"state": "open"}).json()["items"] == []
    assert api.get("/api/v1/incidents/nothing").status_code == 404


def test_what_a_person_closed_opens_again_when_it_comes_back(room: Room, api: AppClient) -> None:
    drift(room, range(1), "wind")
    api.post(f"/api/v1/incidents/{listed(api)[0]['incident_id']}/close")
    drift(room, range(1), "wind")
    assert listed(api, state="open") == []
    room.clock.advance(1)
    room.change("stable", device_id="d0")
    drift(room, range(1), "wind")
    assert len(listed(api, state="open")) == 1
