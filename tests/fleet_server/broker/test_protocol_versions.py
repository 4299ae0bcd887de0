"""A CONNECT of another MQTT than 3.1.1 is refused at once, so that the client can fall back."""

import socket
from queue import Queue
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from fleet_server.broker.tls import client_context

pytestmark = pytest.mark.slow
WAIT_S = 20.0
REFUSED = b"\x20\x02\x00\x01"
CLIENT_ID = b"\x00\x09turbine-1"


def connect_packet(name: bytes, level: int, rest: bytes) -> bytes:
    body = len(name).to_bytes(2, "big") + name + bytes([level, 0x02, 0, 60]) + rest
    return bytes([0x10, len(body)]) + body


@pytest.mark.parametrize(
    "packet",
    [
        connect_packet(b"MQTT", 5, b"\x00" + CLIENT_ID),
        connect_packet(b"MQTT", 5, b"\x05\x11\x00\x00\x0e\x10" + CLIENT_ID),
        connect_packet(b"MQTT", 6, b""),
        connect_packet(b"MQIsdp", 3, CLIENT_ID),
    ],
    ids=["5", "5 with properties", "6, which nobody knows", "3.1"],
)
def test_another_version_is_answered_and_disconnected(embedded: Any, packet: bytes) -> None:
    context = client_context(embedded.issue("turbine-1"))
    with (
        socket.create_connection(("127.0.0.1", embedded.port), WAIT_S) as plain,
        context.wrap_socket(plain, server_hostname="127.0.0.1") as stream,
    ):
        stream.sendall(packet)
        assert stream.recv(100) == REFUSED
        assert stream.recv(100) == b""


def test_a_client_of_mqtt_5_is_told_why(embedded: Any) -> None:
    reasons: Queue[str] = Queue()
    client = paho.Client(CallbackAPIVersion.VERSION2, "turbine-1", protocol=paho.MQTTv5, reconnect_on_failure=False)
    client.tls_set_context(client_context(embedded.issue("turbine-1")))
    client.will_set("leeway/v1/turbine-1/up/birth", b"gone", 1, retain=True)
    client.on_connect = lambda _client, _data, _flags, reason, _properties: reasons.put(str(reason))
    properties = Properties(PacketTypes.CONNECT)
    properties.SessionExpiryInterval = 3600
    client.connect("127.0.0.1", embedded.port, properties=properties)
    client.loop_start()
    assert reasons.get(timeout=WAIT_S) == "Unsupported protocol version"
    client.loop_stop()


def test_a_packet_that_ends_too_early_ends_its_connection(embedded: Any) -> None:
    connect = connect_packet(b"MQTT", 4, CLIENT_ID)
    publish_of_a_longer_topic = b"\x30\x04\x00\x20ab"
    context = client_context(embedded.issue("turbine-1"))
    with (
        socket.create_connection(("127.0.0.1", embedded.port), WAIT_S) as plain,
        context.wrap_socket(plain, server_hostname="127.0.0.1") as stream,
    ):
        stream.sendall(connect)
        assert stream.recv(100) == b"\x20\x02\x00\x00"
        stream.sendall(publish_of_a_longer_topic)
        assert stream.recv(100) == b""
