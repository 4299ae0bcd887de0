"""Alerts open, change, close and are acknowledged, on SQLite and PostgreSQL."""

from typing import Any

from fleet_server.alerts.deployment_signals import DeploymentAlert
from fleet_server.auth import Role
from fleet_server.devices.tables import DeviceRow
from fleet_server.drift.tables import VerdictChangeRow
from tests.fleet_server.alerts.conftest import Room
from tests.fleet_server.conftest import AppClient


def listed(api: AppClient, **query: Any) -> list[dict[str, Any]]:
    answer = api.get("/api/v1/alerts", params=query)
    assert answer.status_code == 200, answer.text
    return list(answer.json()["items"])


def test_drift_opens_one_alert_and_stability_closes_it(room: Room, api: AppClient) -> None:
    room.change("drift")
    room.change("drift", severity=4.0)
    room.alerts.step()
    assert [(alert["state"], alert["severity"], alert["features"]) for alert in listed(api)] == [
        ("open", "critical", ["temperature"])
    ]
    room.clock.advance(60)
    room.change("no_data")
    room.alerts.step()
    assert listed(api)[0]["state"] == "open"
    room.change("stable")
    room.alerts.step()
    assert listed(api)[0]["state"] == "closed"
    assert listed(api)[0]["closed_ms"] == room.clock()
    room.clock.advance(60)
    room.change("drift")
    room.alerts.step()
    assert [alert["state"] for alert in listed(api)] == ["open", "closed"]
    assert len(listed(api, state="open")) == 1


def test_each_device_and_kind_has_its_own_alert(room: Room, api: AppClient) -> None:
    room.change("drift")
    room.change("drift", kind="training")
    room.change("drift", device_id="b")
    room.alerts.step()
    found = {(alert["device_id"], alert["kind"]): alert["severity"] for alert in listed(api)}
    assert found == {("a", "peers"): "warning", ("a", "training"): "information", ("b", "peers"): "warning"}


def test_each_group_has_its_own_alert(room: Room, api: AppClient) -> None:
    for group in ("north", "south"):
        room.change("drift", kind="fleet", device_id=group)
    room.alerts.step()
    assert [alert["state"] for alert in listed(api)] == ["open", "open"]
    room.change("stable", kind="fleet", device_id="north")
    room.alerts.step()
    assert sorted(alert["state"] for alert in listed(api)) == ["closed", "open"]


def test_what_is_open_of_a_device_closes_when_it_is_revoked(room: Room, api: AppClient) -> None:
    with room.database.session() as session:
        for device_id in ("a", "b"):
            session.add(
                DeviceRow(device_id=device_id, state="active", profile="p", enrolled_ms=0, certificate_expires_ms=0)
            )
    room.change("drift")
    room.change("drift", device_id="b")
    room.alerts.step()
    assert api.post("/api/v1/devices/a/revoke").status_code == 200
    room.alerts.step()
    assert {alert["device_id"]: alert["state"] for alert in listed(api)} == {"a": "closed", "b": "open"}


def test_no_change_is_considered_twice(room: Room, api: AppClient) -> None:
    room.change("drift")
    room.alerts.step()
    room.restart()
    api.app = room.server.app
    room.alerts.step()
    assert len(listed(api)) == 1


def test_more_changes_than_a_batch_are_all_considered(room: Room, api: AppClient) -> None:
    with room.database.session() as session:
        for number in range(1100):
            session.add(
                VerdictChangeRow(
                    device_id=f"d{number}",
                    model="power",
                    kind="peers",
                    version="1",
                    verdict_before="",
                    verdict="drift",
                    features=["wind"],
                    outputs=[],
                    severity=1.5,
                    since_ms=0,
                    changed_ms=0,
                    evidence={},
                    sentence="",
                )
            )
    room.alerts.step()
    (incident,) = api.get("/api/v1/incidents").json()["items"]
    assert incident["devices"] == 1100


def test_a_deployment_alert_is_raised_once(room: Room, api: AppClient) -> None:
    alert = DeploymentAlert("d1", "power", "2", "Wave 1 paused.")
    room.tell_of(alert)
    room.tell_of(alert)
    assert [(item["kind"], item["deployment_id"], item["device_id"]) for item in listed(api)] == [
        ("deployment.paused", "d1", None)
    ]


def test_a_deployment_that_pauses_again_is_told_of_again(room: Room, api: AppClient) -> None:
    for is_over in (False, True, False):
        room.tell_of(DeploymentAlert("d1", "power", "2", "Wave 1 paused.", is_over=is_over))
        room.clock.advance(60)
    assert [item["state"] for item in listed(api)] == ["open", "closed"]


def test_pages_and_acknowledgement(room: Room, api: AppClient) -> None:
    for device_id in "abc":
        room.change("drift", device_id=device_id)
        room.alerts.step()
        room.clock.advance(1)
    first = api.get("/api/v1/alerts", params={"limit": 2}).json()
    second = api.get("/api/v1/alerts", params={"limit": 2, "cursor": first["next_cursor"]}).json()
    assert [item["device_id"] for item in first["items"] + second["items"]] == ["c", "b", "a"]
    assert second["next_cursor"] is None
    alert_id = first["items"][0]["alert_id"]
    acknowledged = api.post(f"/api/v1/alerts/{alert_id}/acknowledge").json()
    room.clock.advance(1)
    assert api.post(f"/api/v1/alerts/{alert_id}/acknowledge").json() == acknowledged
    assert acknowledged["acknowledged_by"] is not None
    missing = api.post("/api/v1/alerts/nothing/acknowledge")
    assert (missing.status_code, missing.headers["content-type"]) == (404, "application/problem+json")


def test_a_viewer_may_read_and_not_change(room: Room, api: AppClient) -> None:
    _, secret = room.server.rooms.auth.create("test", "ann", Role.VIEWER, 60)
    viewer = api.as_holder(secret)
    assert viewer.get("/api/v1/alerts").status_code == 200
    webhook = {"name": "ops", "kind": "webhook", "address": "https://example.org"}
    assert viewer.post("/api/v1/receivers", json=webhook).status_code == 403
    assert api.as_holder("").get("/api/v1/alerts").status_code == 401


def test_drift_of_an_unknown_device_is_a_clear_404(api: AppClient) -> None:
    assert api.get("/api/v1/devices/nobody/drift").status_code == 404
    assert api.get("/api/v1/drift").json() == {"items": [], "next_cursor": None}
