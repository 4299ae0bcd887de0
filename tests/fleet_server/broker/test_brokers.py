"""What a client may and may not do, on both brokers."""

import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from queue import Empty, Queue
from typing import Any

import pytest

from device_contract import topics
from fleet_server.broker.access import MAX_PACKET_BYTES
from fleet_server.broker.client import BrokerClient
from fleet_server.broker.embedded import EmbeddedBroker
from fleet_server.broker.ingest import Delivery, Outbound
from fleet_server.broker.tls import TlsFiles, client_context
from fleet_server.errors import StartError
from tests.support.authority import Authority

pytestmark = pytest.mark.slow
WAIT_S = 20.0
QUIET_S = 0.5


@pytest.fixture
def server(broker: Any) -> Iterator[tuple[BrokerClient, Queue[Delivery]]]:
    received: Queue[Delivery] = Queue()
    client = BrokerClient(broker.server_address())
    client.start(received.put)
    assert client.wait_connected(WAIT_S)
    yield client, received
    client.stop()


def test_a_device_speaks_to_the_server_and_back(server: Any, connect: Callable[..., Any]) -> None:
    client, received = server
    device = connect("turbine-1")
    assert device.connect()
    assert device.subscribe("leeway/v1/turbine-1/down/#")
    device.publish(topics.up("turbine-1", "report"), b"hello")
    delivery = received.get(timeout=WAIT_S)
    assert (delivery.topic, delivery.payload) == ("leeway/v1/turbine-1/up/report", b"hello")
    delivery.acknowledge()
    client.publish(Outbound(topics.down("turbine-1", "ack"), b"thanks"))
    assert device.received.get(timeout=WAIT_S) == ("leeway/v1/turbine-1/down/ack", b"thanks", False)


def test_a_retained_assignment_waits_for_its_device(server: Any, connect: Callable[..., Any]) -> None:
    client, _ = server
    client.publish(Outbound(topics.down("turbine-1", "assignment"), b"hold this", retain=True))
    other = connect("turbine-2")
    assert other.connect()
    other.subscribe("leeway/v1/turbine-2/down/#")
    device = connect("turbine-1")
    assert device.connect()
    assert device.subscribe("leeway/v1/turbine-1/down/#")
    assert device.received.get(timeout=WAIT_S) == ("leeway/v1/turbine-1/down/assignment", b"hold this", True)
    with pytest.raises(Empty):
        other.received.get(timeout=QUIET_S)


def test_a_lost_device_leaves_its_last_will(server: Any, connect: Callable[..., Any]) -> None:
    _, received = server
    topic = topics.up("turbine-1", "birth")
    device = connect("turbine-1", will=(topic, b"gone"))
    assert device.connect()
    device.drop()
    delivery = received.get(timeout=WAIT_S)
    assert (delivery.topic, delivery.payload) == (topic, b"gone")


def test_a_device_reaches_its_own_topics_only(server: Any, connect: Callable[..., Any]) -> None:
    client, received = server
    device = connect("turbine-1")
    assert device.connect()
    for topic in ("leeway/v1/turbine-2/down/#", "leeway/v1/+/down/#", "leeway/v1/turbine-2/up/report", "#"):
        device.subscribe(topic)
    device.publish(topics.up("turbine-2", "report"), b"forged")
    device.publish(topics.down("turbine-2", "assignment"), b"forged")
    device.publish("leeway/v1/turbine-1/up/other", b"unknown")
    device.publish(topics.up("turbine-1", "report"), b"honest")
    assert received.get(timeout=WAIT_S).payload == b"honest"
    client.publish(Outbound(topics.down("turbine-2", "assignment"), b"not for turbine-1"))
    with pytest.raises(Empty):
        device.received.get(timeout=QUIET_S)


def test_a_will_on_a_foreign_topic_reaches_nobody(server: Any, connect: Callable[..., Any]) -> None:
    _, received = server
    device = connect("turbine-1", will=(topics.up("turbine-2", "birth"), b"forged"))
    if device.connect():
        device.drop()
    with pytest.raises(Empty):
        received.get(timeout=QUIET_S)


def test_a_stranger_is_refused(broker: Any, connect: Callable[..., Any], foreign_authority: Authority) -> None:
    _, certificate, key = foreign_authority.issue("turbine-1")
    assert not connect("turbine-1", tls=TlsFiles(broker.authority.ca, certificate, key)).connect()


def test_a_client_without_certificate_is_refused(broker: Any, connect: Callable[..., Any]) -> None:
    device = connect("turbine-1")
    device.client._ssl_context = None
    device.client.tls_set(str(broker.authority.ca))
    assert not device.connect()


def test_a_name_with_wildcards_gets_nothing(server: Any, connect: Callable[..., Any]) -> None:
    client, received = server
    device = connect("#", client_id="turbine-1")
    if device.connect():
        device.subscribe("leeway/v1/turbine-2/down/#")
        device.client.publish("leeway/v1/turbine-2/up/report", b"forged", 1)
    client.publish(Outbound(topics.down("turbine-2", "assignment"), b"not for it"))
    with pytest.raises(Empty):
        received.get(timeout=QUIET_S)
    assert device.received.empty()


def test_a_foreign_client_id_does_not_throw_its_owner_off(server: Any, connect: Callable[..., Any]) -> None:
    client, _ = server
    owner = connect("turbine-1", clean=False)
    assert owner.connect()
    assert owner.subscribe("leeway/v1/turbine-1/down/#")
    thief = connect("turbine-2", client_id="turbine-1", clean=False)
    if thief.connect():
        thief.subscribe("leeway/v1/turbine-1/down/#")
    client.publish(Outbound(topics.down("turbine-1", "ack"), b"for the owner"))
    assert owner.received.get(timeout=WAIT_S)[1] == b"for the owner"
    assert thief.received.empty()


def test_a_device_that_connects_again_takes_its_own_place(server: Any, connect: Callable[..., Any]) -> None:
    client, _ = server
    first = connect("turbine-1", clean=False)
    assert first.connect()
    assert first.subscribe("leeway/v1/turbine-1/down/#")
    second = connect("turbine-1", clean=False)
    assert second.connect()
    assert first.lost.get(timeout=WAIT_S)
    assert second.subscribe("leeway/v1/turbine-1/down/#")
    client.publish(Outbound(topics.down("turbine-1", "ack"), b"for the second"))
    assert second.received.get(timeout=WAIT_S)[1] == b"for the second"


def test_an_oversized_message_never_reaches_the_server(server: Any, connect: Callable[..., Any]) -> None:
    _, received = server
    device = connect("turbine-1")
    assert device.connect()
    device.client.publish(topics.up("turbine-1", "report"), bytes(MAX_PACKET_BYTES + 1), 1)
    assert device.lost.get(timeout=WAIT_S)
    with pytest.raises(Empty):
        received.get(timeout=QUIET_S)


def test_the_server_comes_back_after_the_broker_does(broker: Any, connect: Callable[..., Any]) -> None:
    received: Queue[Delivery] = Queue()
    connections: Queue[bool] = Queue()
    client = BrokerClient(broker.server_address())
    client.start(received.put, on_connected=lambda: connections.put(True))
    assert connections.get(timeout=WAIT_S)
    broker.restart()
    assert connections.get(timeout=WAIT_S)
    device = connect("turbine-1")
    assert device.connect()
    device.publish(topics.up("turbine-1", "report"), b"again")
    assert received.get(timeout=WAIT_S).payload == b"again"
    client.stop()


def test_a_revoked_device_is_cut_and_stays_out(embedded: Any, connect_embedded: Callable[..., Any]) -> None:
    device = connect_embedded("turbine-1")
    assert device.connect()
    embedded.revoked.add("turbine-1")
    embedded.embedded.disconnect("turbine-1")
    assert device.lost.get(timeout=WAIT_S)
    assert not connect_embedded("turbine-1").connect()


def test_an_oversized_packet_is_counted(embedded: Any, connect_embedded: Callable[..., Any]) -> None:
    device = connect_embedded("turbine-1")
    assert device.connect()
    device.client.publish(topics.up("turbine-1", "report"), bytes(MAX_PACKET_BYTES + 1), 1)
    assert device.lost.get(timeout=WAIT_S)
    assert embedded.registry.get_sample_value("leeway_broker_oversized_packets_total") == 1


def test_a_silent_device_is_given_up_and_its_will_published(
    embedded: Any, connect_embedded: Callable[..., Any]
) -> None:
    received: Queue[Delivery] = Queue()
    client = BrokerClient(embedded.server_address())
    client.start(received.put)
    assert client.wait_connected(WAIT_S)
    device = connect_embedded("turbine-1", will=(topics.up("turbine-1", "birth"), b"gone"), keep_alive_s=1)
    assert device.connect()
    device.client._keepalive = 3600  # it promised a packet a second, and breaks the promise
    assert received.get(timeout=WAIT_S).payload == b"gone"
    client.stop()


@pytest.mark.parametrize(
    "rubbish",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x00" * 50,
        b"\x10\xff\xff\xff\xff\xff",
        b"\x10\x02\x00\x04",
        b"\x10\x10\x00\x04MQTT\x04\x02\x00\x3c\x00\x04\xff\xfe\xfd\xfc",
        b"\x30\x05\x00\x03abc",
        b"",
    ],
)
def test_rubbish_ends_its_own_connection_only(
    embedded: Any, connect_embedded: Callable[..., Any], rubbish: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    context = client_context(embedded.issue("turbine-1"))
    with (
        socket.create_connection(("127.0.0.1", embedded.port), WAIT_S) as plain,
        context.wrap_socket(plain, server_hostname="127.0.0.1") as stream,
    ):
        stream.sendall(rubbish)
        stream.settimeout(QUIET_S)
        with suppress(OSError):
            stream.recv(100)
    assert connect_embedded("turbine-1").connect()
    assert not [record for record in caplog.records if record.exc_info]


def test_a_taken_port_is_one_clear_error(embedded: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        broker = EmbeddedBroker(
            "127.0.0.1",
            port,
            tls=embedded.issue("broker"),
            may_connect=lambda _device_id, _serial: True,
            registry=type(embedded.registry)(),
        )
        with pytest.raises(StartError, match=f"127.0.0.1:{port}.*choose another mqtt_port"):
            broker.start()
