"""In a silence nobody is told, and when it ends what is still open is told."""

import pytest

from tests.fleet_server.alerts.conftest import Receiver, Room, publish
from tests.fleet_server.conftest import AppClient, SharedServer
from tests.fleet_server.enrolling import enroll

SILENCES = "/api/v1/silences"


def silence(room: Room, api: AppClient, **matcher: object) -> str:
    body = {"matcher": matcher, "until_ms": room.clock() + 60_000, "reason": "crane at work"}
    answer = api.post(SILENCES, json=body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["silence_id"])


@pytest.fixture(scope="module")
def named(shared: SharedServer) -> None:
    """Two models, of one of which a custom metric has limits."""
    for model in ("power", "pump"):
        publish(shared.http, shared.clock, model)
    path = "/api/v1/models/power/metric-limits/torque"
    assert shared.http.request("PUT", path, json={"above": 7}).status_code == 200


@pytest.fixture
def ops(room: Room, api: AppClient, receiver: Receiver) -> None:
    enroll(api, "a")
    publish(api, room.clock, "power")
    room.receivers.create("ann", "ops", "webhook", receiver.url)


def told(room: Room, receiver: Receiver) -> list[str]:
    room.alerts.step()
    room.delivery.deliver()
    return [told["event"] for told in receiver.told]


@pytest.mark.usefixtures("ops")
@pytest.mark.parametrize(
    "matcher",
    [{"device_id": "a"}, {"model": "power"}, {"rule": "peers"}, {"kind": "peers"}, {"feature": "wind"}],
)
def test_what_is_still_open_is_told_when_the_silence_ends(
    room: Room, api: AppClient, receiver: Receiver, matcher: dict[str, str]
) -> None:
    silence(room, api, **matcher)
    room.change("drift", features=("wind",))
    assert told(room, receiver) == []
    room.clock.advance(61)
    assert told(room, receiver) == ["incident.opened"]


@pytest.mark.usefixtures("ops")
def test_what_came_and_went_in_a_silence_is_never_told(room: Room, api: AppClient, receiver: Receiver) -> None:
    enroll(api, "a", labels={"site": "north"})
    silence(room, api, labels={"site": "north"})
    room.change("drift")
    assert told(room, receiver) == []
    room.change("stable")
    room.clock.advance(61)
    assert told(room, receiver) == []


@pytest.mark.usefixtures("ops")
def test_one_device_in_silence_does_not_hide_another(room: Room, api: AppClient, receiver: Receiver) -> None:
    silence_id = silence(room, api, device_id="a", model="power")
    room.change("drift")
    room.change("drift", device_id="b")
    assert told(room, receiver) == ["incident.opened"]
    assert api.request("DELETE", f"{SILENCES}/{silence_id}").status_code == 204
    (listed,) = api.get(SILENCES).json()["items"]
    assert (listed["until_ms"], listed["reason"]) == (room.clock(), "crane at work")


@pytest.mark.parametrize(
    ("matcher", "seconds", "said"),
    [({}, 60, "hides what is wrong"), ({"rule": "peers"}, 0, "future"), ({"rule": "peers"}, 10**9, "within a year")],
)
def test_a_silence_says_what_and_how_long(
    room: Room, api: AppClient, matcher: dict[str, str], seconds: int, said: str
) -> None:
    answer = api.post(SILENCES, json={"matcher": matcher, "until_ms": room.clock() + 1000 * seconds})
    assert answer.status_code == 422
    assert said in answer.json()["detail"]
    assert api.request("DELETE", f"{SILENCES}/nothing").status_code == 404


@pytest.mark.parametrize(
    ("matcher", "status", "said"),
    [
        ({"rule": "pears"}, 404, "silence: no rule 'pears'; `leeway-fleet rules list`"),
        ({"kind": "drift.peers"}, 422, "silence: no alerts of kind 'drift.peers'; there are training, own, peers"),
        ({"model": "pwer"}, 404, "silence: no model 'pwer'; `leeway-fleet models list`"),
        ({"device_id": "b"}, 404, "silence: no device 'b'; name a device that has enrolled, or a label"),
        ({"feature": "wnd"}, 404, "'wnd' of any model; `leeway-fleet models show"),
        ({"model": "pump", "feature": "torque"}, 404, "silence: no feature, output or limited metric 'torque' of"),
    ],
)
@pytest.mark.usefixtures("named")
def test_a_silence_about_nothing_is_refused(
    shared: SharedServer, matcher: dict[str, str], status: int, said: str
) -> None:
    answer = shared.http.post(SILENCES, json={"matcher": matcher, "until_ms": shared.clock() + 1000})
    assert answer.status_code == status
    assert said in answer.json()["detail"]


@pytest.mark.parametrize(
    "matcher",
    [
        {"kind": "counter.rows_refused"},
        {"kind": "fleet", "feature": "power"},
        {"model": "power", "feature": "torque"},
        {"labels": {"site": "not built yet"}},
    ],
)
@pytest.mark.usefixtures("named")
def test_a_silence_names_what_alerts_will_name(shared: SharedServer, matcher: dict[str, object]) -> None:
    answer = shared.http.post(SILENCES, json={"matcher": matcher, "until_ms": shared.clock() + 1000})
    assert answer.status_code == 201, answer.text
