"""The server's MQTT client: paho, acknowledging by hand, after the commit.

It uses a stable client id and a persistent session, so that a broker with a disk keeps
for it what arrives while the server is down. After a reconnect the packet ids of
before are void: an acknowledgement that comes too late is dropped, and the broker
sends the message again.
"""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from device_contract.topics import all_up
from fleet_server.broker.access import UP_KINDS
from fleet_server.broker.ingest import BATCH_MESSAGES, Delivery, Outbound
from fleet_server.broker.tls import TlsFiles, client_context
from fleet_server.trust.certificates import SERVER_NAME

_logger = logging.getLogger(__name__)

_QOS: Final = 1
_KEEP_ALIVE_S: Final = 30
_MAX_RECONNECT_DELAY_S: Final = 15
_SESSION_EXPIRY_S: Final = 7 * 24 * 3600
_MAX_IN_FLIGHT: Final = 2 * BATCH_MESSAGES


@dataclass(frozen=True)
class BrokerAddress:
    """Where the broker is, and how to speak to it.

    Args:
        host: Name or address, as in the broker's certificate.
        port: TCP port.
        tls: The server's client certificate, its key, and the CA of the broker.
        mqtt5: Speak MQTT 5; the embedded broker speaks 3.1.1 only.
    """

    host: str
    port: int
    tls: TlsFiles
    mqtt5: bool


class BrokerClient:
    """Receives from every device and publishes to them, reconnecting by itself.

    Args:
        address: The broker.
    """

    def __init__(self, address: BrokerAddress) -> None:
        self._address = address
        self._on_delivery: Callable[[Delivery], None]
        self._on_connected: Callable[[], None] | None = None
        self._connected = threading.Event()
        self._connection = 0
        self._client = self._build()

    def start(self, on_delivery: Callable[[Delivery], None], on_connected: Callable[[], None] | None = None) -> None:
        """Connect in the background, and keep trying.

        Args:
            on_delivery: Takes each message that arrives; called in the network thread.
                It may block to hold the broker back.
            on_connected: Called, in the network thread, after each connection.
        """
        self._on_delivery = on_delivery
        self._on_connected = on_connected
        options: dict[str, Any] = {"clean_start": False, "properties": _session()} if self._address.mqtt5 else {}
        self._client.connect_async(self._address.host, self._address.port, _KEEP_ALIVE_S, **options)
        self._client.loop_start()

    def stop(self) -> None:
        """Disconnect; what was not acknowledged comes again at the next start."""
        self._client.disconnect()
        self._client.loop_stop()

    def wait_connected(self, timeout_s: float) -> bool:
        """Wait until the client is connected and subscribed; return whether it is."""
        return self._connected.wait(timeout_s)

    def publish(self, message: Outbound) -> None:
        """Publish a message, from any thread; while the broker is away it waits in memory."""
        self._client.publish(message.topic, message.payload, _QOS, message.retain)

    def _build(self) -> paho.Client:
        client = paho.Client(
            CallbackAPIVersion.VERSION2,
            SERVER_NAME,
            clean_session=None if self._address.mqtt5 else False,
            protocol=paho.MQTTv5 if self._address.mqtt5 else paho.MQTTv311,
            manual_ack=True,
        )
        client.tls_set_context(client_context(self._address.tls))
        client.username = SERVER_NAME
        client.reconnect_delay_set(1, _MAX_RECONNECT_DELAY_S)
        client.max_inflight_messages_set(_MAX_IN_FLIGHT)
        client.on_connect = self._connect_ended
        client.on_subscribe = self._subscribed
        client.on_disconnect = self._disconnected
        client.on_message = self._received
        return client

    def _connect_ended(
        self, client: paho.Client, _data: object, _flags: object, reason: ReasonCode, _properties: object
    ) -> None:
        if reason.is_failure:
            _logger.error("the broker refused the server: %s", reason)
            return
        self._connection += 1
        client.subscribe([(all_up(kind), _QOS) for kind in UP_KINDS])

    def _subscribed(self, *_arguments: object) -> None:
        _logger.info("connected to the broker at %s:%d", self._address.host, self._address.port)
        self._connected.set()
        if self._on_connected is not None:
            self._on_connected()

    def _disconnected(
        self, _client: paho.Client, _data: object, _flags: object, reason: ReasonCode, _properties: object
    ) -> None:
        self._connected.clear()
        self._connection += 1
        if reason.is_failure:
            _logger.warning("lost the broker at %s:%d: %s", self._address.host, self._address.port, reason)

    def _received(self, _client: paho.Client, _data: object, message: paho.MQTTMessage) -> None:
        acknowledge = partial(self._acknowledge, self._connection, message.mid, message.qos)
        self._on_delivery(Delivery(message.topic, bytes(message.payload), acknowledge))

    def _acknowledge(self, connection: int, packet_id: int, qos: int) -> None:
        if connection == self._connection:
            self._client.ack(packet_id, qos)


def _session() -> Properties:
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho's is untyped
    properties.SessionExpiryInterval = _SESSION_EXPIRY_S
    properties.ReceiveMaximum = _MAX_IN_FLIGHT
    return properties
