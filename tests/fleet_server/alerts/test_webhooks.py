"""Alerts leave the house signed, and are tried again, over a restart too."""

import hashlib
import hmac
import json

import pytest

from fleet_server.alerts.backoff import ATTEMPTS, LONGEST_RETRY_MS
from fleet_server.alerts.service import DeploymentAlert
from tests.fleet_server.alerts.conftest import Receiver, Room
from tests.fleet_server.conftest import AppClient

ALERT = DeploymentAlert("d1", "power", "2", "warning", "Wave 1 paused.")


def test_a_delivery_is_signed_and_says_all(room: Room, receiver: Receiver, api: AppClient) -> None:
    made = api.post("/api/v1/webhooks", json={"url": receiver.url}).json()
    room.alerts.raise_alert(ALERT)
    assert receiver.received == []  # not in the caller's way
    assert room.delivery.deliver() == 1
    headers, body = receiver.received[0]
    expected = hmac.new(made["secret"].encode(), body, hashlib.sha256).hexdigest()
    assert headers["Leeway-Signature"] == f"sha256={expected}"
    told = json.loads(body)
    assert (told["event"], told["alert"]["sentence"]) == ("opened", "Wave 1 paused.")
    assert room.delivery.deliver() == 0
    assert "secret" not in api.get("/api/v1/webhooks").json()["items"][0]


def test_a_failed_delivery_is_tried_again_after_a_restart(room: Room, receiver: Receiver) -> None:
    room.webhooks.create("ann", receiver.url)
    receiver.status = 503
    room.alerts.raise_alert(ALERT)
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
    room.webhooks.create("ann", receiver.url.replace("/hook", "/gone"))
    receiver.status = 404
    room.alerts.raise_alert(ALERT)
    for _ in range(ATTEMPTS + 3):
        room.delivery.deliver()
        room.clock.advance(LONGEST_RETRY_MS / 1000)
    assert len(receiver.received) == ATTEMPTS
    assert "given up" in caplog.text


def test_one_dead_address_does_not_hold_up_the_others(room: Room, receiver: Receiver) -> None:
    room.webhooks.create("ann", "http://127.0.0.1:1/closed")
    room.webhooks.create("ann", receiver.url)
    room.alerts.raise_alert(ALERT)
    assert room.delivery.deliver() == 1


def test_a_removed_webhook_takes_its_deliveries_along(room: Room, receiver: Receiver) -> None:
    made = room.webhooks.create("ann", receiver.url)
    room.alerts.raise_alert(ALERT)
    room.webhooks.delete("ann", made.webhook_id)
    assert room.delivery.deliver() == 0
    assert receiver.received == []


@pytest.mark.parametrize("url", ["ftp://example.org", "example.org", "http://", "http://[::1", "https://" + "a" * 3000])
def test_only_an_http_address_will_do(api: AppClient, url: str) -> None:
    answer = api.post("/api/v1/webhooks", json={"url": url})
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
