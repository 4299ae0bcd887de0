"""The operators' topic: the server writes it, operators read it, devices do neither; on both brokers."""

from collections.abc import Callable, Iterator
from queue import Empty
from typing import Any

import pytest

from fleet_server.alerts.routing.mqtt import MqttChannel
from fleet_server.alerts.routing.tables import DeliveryRow, ReceiverRow
from fleet_server.broker.access import ALERTS_TOPIC, may_publish, may_subscribe
from fleet_server.broker.client import BrokerClient
from fleet_server.trust.certificates import OPERATORS_NAME

WAIT_S = 20.0
QUIET_S = 0.5
RECEIVER = ReceiverRow(name="plant", kind="mqtt", address="", minimum_severity="", secret="", created_ms=0)


def delivery(body: bytes) -> DeliveryRow:
    return DeliveryRow(delivery_id="d1", receiver="plant", body=body, due_ms=0)


def test_operators_read_one_topic_and_write_none() -> None:
    assert may_subscribe(OPERATORS_NAME, ALERTS_TOPIC)
    for topic_filter in ("#", "leeway/v1/#", "leeway/v1/fleet/#", f"leeway/v1/{OPERATORS_NAME}/down/ack"):
        assert not may_subscribe(OPERATORS_NAME, topic_filter)
    for topic in (ALERTS_TOPIC, f"leeway/v1/{OPERATORS_NAME}/up/birth"):
        assert not may_publish(OPERATORS_NAME, topic)


@pytest.mark.parametrize("device_id", ["turbine-1", "fleet", "alerts"])
def test_no_device_reads_or_writes_the_operators_topic(device_id: str) -> None:
    assert not may_publish(device_id, ALERTS_TOPIC)
    for topic_filter in (ALERTS_TOPIC, "leeway/v1/fleet/#", "leeway/v1/+/alerts"):
        assert not may_subscribe(device_id, topic_filter)


@pytest.fixture
def channel(broker: Any) -> Iterator[MqttChannel]:
    client = BrokerClient(broker.server_address())
    client.start(lambda _delivery: None)
    assert client.wait_connected(WAIT_S)
    yield MqttChannel(client.publish, lambda: client.wait_connected(0))
    client.stop()


@pytest.mark.slow
def test_what_the_server_tells_reaches_operators_and_no_device(
    channel: MqttChannel, connect: Callable[..., Any]
) -> None:
    devices = [connect(name) for name in ("fleet", "turbine-1")]
    for device in devices:
        assert device.connect()
        for topic_filter in (ALERTS_TOPIC, "leeway/v1/+/alerts", "leeway/v1/#"):
            device.subscribe(topic_filter)
    operators = connect(OPERATORS_NAME)
    assert operators.connect()
    assert operators.subscribe(ALERTS_TOPIC)
    devices[0].publish(ALERTS_TOPIC, b"forged")
    operators.publish(ALERTS_TOPIC, b"forged too")
    assert channel.send(RECEIVER, delivery(b"an incident")) == ""
    assert operators.received.get(timeout=WAIT_S) == (ALERTS_TOPIC, b"an incident", False)
    for device in devices:
        with pytest.raises(Empty):
            device.received.get(timeout=QUIET_S)


@pytest.mark.slow
def test_while_the_broker_is_away_it_is_tried_again(embedded: Any) -> None:
    client = BrokerClient(embedded.server_address())
    channel = MqttChannel(client.publish, lambda: client.wait_connected(0))
    assert channel.send(RECEIVER, delivery(b"")) == "the broker is away"
