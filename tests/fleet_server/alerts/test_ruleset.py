"""Rules over REST: the default ones, changed ones, own ones, and what they watch."""

import pytest

from fleet_server.alerts.readings import Reading
from fleet_server.alerts.tables import AlertRow
from tests.fleet_server.alerts.conftest import Room, publish
from tests.fleet_server.conftest import AppClient, SharedServer
from tests.fleet_server.enrolling import enroll

RULES = "/api/v1/alert-rules"


def open_alerts(room: Room) -> list[AlertRow]:
    return list(room.desk.alerts(limit=100, state="open"))


def test_a_default_rule_is_changed_and_comes_back(room: Room, api: AppClient) -> None:
    peers = api.get(f"{RULES}/peers").json()
    assert (peers["origin"], peers["rule"]["above"]) == ("default", 0)
    changed = api.post(RULES, json={"rules": [{**peers["rule"], "enabled": False}]})
    assert changed.json()["items"][0]["origin"] == "changed"
    room.change("drift")
    room.alerts.step()
    assert open_alerts(room) == []
    assert api.request("DELETE", f"{RULES}/peers").status_code == 204
    assert api.get(f"{RULES}/peers").json()["origin"] == "default"
    assert api.request("DELETE", f"{RULES}/peers").status_code == 404
    actions = [line["action"] for line in api.get("/api/v1/audit").json()["items"][:2]]
    assert actions == ["rule.delete", "rule.put"]


def test_a_signal_that_nobody_knows_is_refused(api: AppClient) -> None:
    rule = {"name": "typo", "signal": "drift.pears", "above": 0}
    answer = api.post(RULES, json={"rules": [rule]})
    assert answer.status_code == 422
    assert "no signal 'drift.pears'; there are drift.training" in answer.json()["detail"]
    assert api.post(RULES, json={"rules": [{**rule, "signal": "drift.own", "below": 1}]}).status_code == 422
    names = [signal["name"] for signal in api.get("/api/v1/alert-signals").json()["items"]]
    assert {"device.silent_s", "counter.*", "deployment.paused"} <= set(names)


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ({"model": "pwer"}, "rule 'mine': no model 'pwer'; `leeway-fleet models list` shows what there is"),
        ({"device_id": "b"}, "rule 'mine': no device 'b'; name a device that has enrolled, or a label for those"),
        ({"receivers": ["nihgt"]}, "rule 'mine': no receiver 'nihgt'; `leeway-fleet receivers list` shows what"),
    ],
)
def test_a_rule_about_nothing_is_refused(shared: SharedServer, named: dict[str, object], said: str) -> None:
    rules = [{"name": "sound", "signal": "drift.own", "above": 0}]
    answer = shared.http.post(RULES, json={"rules": [*rules, {**rules[0], "name": "mine", **named}]})
    assert answer.status_code == 404
    assert said in answer.json()["detail"]
    assert shared.http.get(f"{RULES}/sound").status_code == 404


def test_a_rule_that_is_gone_closes_what_it_opened(room: Room) -> None:
    room.put(name="mine", signal="drift.peers", above=0)
    room.change("drift")
    room.alerts.step()
    assert {alert.rule for alert in open_alerts(room)} == {"mine", "peers"}
    room.rules.delete("ann", "mine")
    room.alerts.step()
    assert {alert.rule for alert in open_alerts(room)} == {"peers"}


@pytest.mark.parametrize("for_s", [0, 60])
def test_a_rule_that_comes_to_watch_another_signal_leaves_nothing_of_the_first(room: Room, for_s: int) -> None:
    room.put(name="peers", signal="drift.peers", above=0, enabled=False)
    room.put(name="mine", signal="drift.peers", above=0, for_s=for_s)
    room.change("drift")
    room.alerts.step()
    room.put(name="mine", signal="drift.own", above=0, for_s=for_s, owner="ann")
    room.clock.advance(120)
    room.alerts.step()
    assert [alert.state for alert in room.desk.alerts(limit=10)] == ([] if for_s else ["closed"])
    room.change("drift", kind="own")
    room.alerts.step()
    room.put(name="mine", signal="drift.own", above=0, owner="bob")
    room.clock.advance(120)
    room.alerts.step()
    assert {alert.rule for alert in open_alerts(room)} >= {"mine"}


@pytest.mark.parametrize(
    ("scope", "devices"),
    [
        ({"labels": {"site": "north"}}, ["n1"]),
        ({"device_id": "s1"}, ["s1"]),
        ({"model": "other"}, []),
        ({}, ["n1", "s1"]),
    ],
)
def test_a_rule_keeps_to_its_scope(room: Room, api: AppClient, scope: dict[str, object], devices: list[str]) -> None:
    enroll(api, "n1", labels={"site": "north"})
    enroll(api, "s1", labels={"site": "south"})
    publish(api, room.clock, "other")
    room.put(name="mine", signal="drift.own", above=0, **scope)
    room.put(name="own", signal="drift.own", above=0, enabled=False)
    for device_id in ("n1", "s1"):
        room.change("drift", kind="own", device_id=device_id)
    room.alerts.step()
    assert sorted(alert.device_id or "" for alert in open_alerts(room)) == devices


def test_an_alert_opens_by_itself_when_its_time_has_come(room: Room) -> None:
    room.put(name="peers", signal="drift.peers", above=0, for_s=3600)
    room.change("drift")
    room.alerts.step()
    room.clock.advance(3599)
    room.restart()
    room.alerts.step()
    assert open_alerts(room) == []
    room.clock.advance(1)
    room.alerts.step()
    assert [alert.sentence for alert in open_alerts(room)] == ["a is drift."]


def test_a_silent_device_is_told_of_and_its_return_too(room: Room, api: AppClient) -> None:
    enroll(api, "quiet")
    room.alerts.step()
    room.clock.advance(172_801)
    room.alerts.step()
    (alert,) = open_alerts(room)
    assert (alert.rule, alert.device_id, alert.value) == ("silent-device", "quiet", 172_801.0)
    assert alert.sentence == "quiet was last heard of 172801 s ago."
    enroll(api, "quiet")
    api.post("/api/v1/devices/quiet/revoke")
    room.clock.advance(61)
    room.alerts.step()
    assert open_alerts(room) == []


def test_words_and_counters_are_watched_too(room: Room, api: AppClient) -> None:
    enroll(api, "a")
    room.put(name="idle", signal="device.phase", equals="idle", severity="information")
    room.put(name="rows", signal="counter.rows_refused", above=10)
    room.alerts.step()
    assert [(alert.rule, alert.value) for alert in open_alerts(room)] == [("idle", "idle")]


def test_a_custom_reading_is_taken_in(room: Room) -> None:
    room.put(name="late", signal="report.latency_s", above=10, windows=2, request_retraining=True)

    def reading(value: float, window_ms: int) -> Reading:
        return Reading(
            signal="report.latency_s", subject="a", value=value, time_ms=0, sentence=f"{value}", window_ms=window_ms
        )

    room.read(reading(20, 1), reading(30, 1))
    assert open_alerts(room) == []
    room.read(reading(25, 2))
    assert [alert.value for alert in open_alerts(room)] == [25]
