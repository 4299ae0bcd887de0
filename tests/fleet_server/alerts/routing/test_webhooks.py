"""Notices leave the house signed, and are tried again, over a restart too."""

import hashlib
import hmac
import json
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
from prometheus_client import CollectorRegistry

from fleet_server.alerts.deployment_signals import DeploymentAlert
from fleet_server.alerts.routing.addresses import is_internal
from fleet_server.alerts.routing.backoff import ATTEMPTS, LONGEST_RETRY_MS, retry_ms
from fleet_server.alerts.routing.delivery import Delivery
from fleet_server.alerts.routing.tables import ReceiverRow
from fleet_server.alerts.routing.webhook import WebhookChannel
from tests.fleet_server.alerts.conftest import Receiver, Room
from tests.fleet_server.conftest import AppClient

RECEIVERS = "/api/v1/receivers"


def webhook(name: str, url: str) -> dict[str, str]:
    return {"name": name, "kind": "webhook", "address": url}


def pause(room: Room, deployment_id: str = "d1") -> None:
    room.tell_of(DeploymentAlert(deployment_id, "power", "2", "Wave 1 paused."))
    room.alerts.step()


def test_a_delivery_is_signed_and_says_all(room: Room, receiver: Receiver, api: AppClient) -> None:
    made = api.post(RECEIVERS, json=webhook("ops", receiver.url)).json()
    pause(room)
    assert receiver.received == []  # not in the caller's way
    assert room.delivery.deliver() == 1
    headers, body = receiver.received[0]
    expected = hmac.new(made["secret"].encode(), body, hashlib.sha256).hexdigest()
    assert headers["Leeway-Signature"] == f"sha256={expected}"
    told = json.loads(body)
    assert (told["schema_version"], told["event"]) == (1, "incident.opened")
    assert [alert["sentence"] for alert in told["alerts"]] == ["Wave 1 paused."]
    assert room.delivery.deliver() == 0
    assert "secret" not in api.get(RECEIVERS).json()["items"][0]


def test_a_failed_delivery_is_tried_again_after_a_restart(room: Room, receiver: Receiver) -> None:
    room.receivers.create("ann", "ops", "webhook", receiver.url)
    receiver.status = 503
    pause(room)
    assert room.delivery.deliver() == 0
    assert len(receiver.received) == 1
    room.restart()
    receiver.status = 204
    assert room.delivery.deliver() == 0  # too early
    room.clock.advance(6)
    assert room.delivery.deliver() == 1
    assert len({body for _, body in receiver.received}) == 1


def test_an_address_that_is_away_is_given_up_in_the_end(
    room: Room, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    room.receivers.create("ann", "ops", "webhook", receiver.url)
    receiver.status = 404
    for number in range(3):
        pause(room, f"d{number}")
    for _ in range(ATTEMPTS + 3):
        room.delivery.deliver()
        room.clock.advance(LONGEST_RETRY_MS / 1000)
    assert len(receiver.received) == ATTEMPTS
    assert caplog.text.count("given up") == 3


def test_one_dead_address_does_not_hold_up_the_others(room: Room, receiver: Receiver) -> None:
    room.receivers.create("ann", "dead", "webhook", "http://127.0.0.1:1/closed")
    room.receivers.create("ann", "ops", "webhook", receiver.url)
    for number in range(120):
        room.tell_of(DeploymentAlert(f"d{number}", "power", "2", "Paused."))
    room.alerts.step()
    room.alerts.step()
    arrived = [room.delivery.deliver() for _ in range(3)]
    assert sum(arrived) == 120


def test_a_channel_that_stumbles_does_not_hold_up_the_others(
    room: Room, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    room.receivers.create("ann", "ops", "webhook", receiver.url)
    with room.database.session() as session:  # as one that was added when such a name was not refused yet
        name = f"http://{'a' * 64}.example/"
        session.add(
            ReceiverRow(name="a", kind="webhook", address=name, minimum_severity="information", secret="", created_ms=0)
        )
    pause(room)
    assert room.delivery.deliver() == 1
    assert room.receivers.waiting(["a"])["a"].last_error.startswith("UnicodeError")
    assert "to a failed" in caplog.text


def test_an_answer_without_end_is_not_waited_for(room: Room) -> None:
    def drip(connection: socket.socket) -> None:
        connection.recv(65_536)
        with suppress(OSError):
            connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            for _ in range(100):
                connection.sendall(b"x")
                time.sleep(0.1)
        connection.close()

    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor(1) as other:
        room.receivers.create("ann", "slow", "webhook", f"http://127.0.0.1:{listener.getsockname()[1]}/")
        pause(room)
        other.submit(lambda: drip(listener.accept()[0]))
        started = time.monotonic()
        assert room.delivery.deliver() == 1
        assert time.monotonic() - started < 5


def test_the_audit_log_does_not_tell_everybody_the_address_that_guards_a_webhook(api: AppClient) -> None:
    assert api.post(RECEIVERS, json=webhook("ops", "https://me:pass@hooks.example/T00/secret")).status_code == 201
    (line,) = api.get("/api/v1/audit", params={"action": "receiver.create"}).json()["items"]
    assert line["detail"] == {"kind": "webhook", "host": "hooks.example"}


def test_a_removed_receiver_takes_its_deliveries_along(room: Room, receiver: Receiver) -> None:
    room.receivers.create("ann", "ops", "webhook", receiver.url)
    pause(room)
    room.receivers.delete("ann", "ops")
    assert room.delivery.deliver() == 0
    assert receiver.received == []


def test_a_rule_tells_whom_it_names_and_everybody_if_one_is_gone(
    room: Room, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("day", "night"):
        room.receivers.create("ann", name, "webhook", receiver.url)
    room.put(name="peers", signal="drift.peers", above=0, receivers=("night",), together_s=0)
    room.change("drift")
    room.alerts.step()
    assert room.delivery.deliver() == 1
    room.receivers.delete("ann", "night")
    room.clock.advance(1)
    room.change("drift", device_id="b")
    room.alerts.step()
    assert room.delivery.deliver() == 1
    assert "there is no night" in caplog.text


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.org",
        "example.org",
        "http://",
        "http://[::1",
        "https://" + "a" * 2045,
        f"https://{'a' * 64}.example/",
        "https://ops..example/",
    ],
)
def test_only_an_http_address_will_do(api: AppClient, url: str) -> None:
    answer = api.post(RECEIVERS, json=webhook("ops", url))
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")


def test_a_name_is_taken_once(api: AppClient) -> None:
    assert api.post(RECEIVERS, json=webhook("ops", "https://ops.example/")).status_code == 201
    assert api.post(RECEIVERS, json=webhook("ops", "https://ops.example/")).status_code == 409
    assert api.request("DELETE", f"{RECEIVERS}/nobody").status_code == 404


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1/", "http://localhost/", "http://10.1.2.3/", "http://[::ffff:10.0.0.1]/"]
)
def test_an_internal_address_is_refused_unless_the_setting_allows_it(http: AppClient, url: str) -> None:
    answer = http.post(RECEIVERS, json=webhook("ops", url))
    assert (answer.status_code, answer.json()["code"]) == (422, "internal_address")


def test_a_name_that_comes_to_mean_an_internal_address_is_refused_before_anything_is_sent(
    room: Room, receiver: Receiver, api: AppClient
) -> None:
    room.receivers.create("ann", "ops", "webhook", receiver.url)  # as if its name had pointed elsewhere
    channels = {"webhook": WebhookChannel(allow_internal=False)}
    pause(room)
    assert Delivery(room.database, room.clock, channels, registry=CollectorRegistry()).deliver() == 0
    assert receiver.received == []
    (listed,) = api.get(RECEIVERS).json()["items"]
    assert (listed["waiting"], "is an internal address" in listed["last_error"]) == (1, True)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("8.8.8.8", False),
        ("2606:4700:4700::1111", False),
        ("127.0.0.1", True),
        ("169.254.169.254", True),
        ("100.64.0.1", True),
        ("224.0.0.1", True),
        ("::1", True),
        ("fe80::1%eth0", True),
        ("::ffff:192.168.0.1", True),
    ],
)
def test_which_addresses_are_internal(address: str, *, expected: bool) -> None:
    assert is_internal(address) == expected


def test_retries_wait_longer_each_time_and_end() -> None:
    waits = [retry_ms(attempts) for attempts in range(1, ATTEMPTS)]
    assert waits[:4] == [5_000, 10_000, 20_000, 40_000]
    assert max(wait or 0 for wait in waits) == LONGEST_RETRY_MS
    assert retry_ms(ATTEMPTS) is None
