"""The agent's side of MQTT: the only module of the agent that imports paho.

``BrokerLink`` keeps one connection to the fleet's broker: mutual TLS, MQTT 5 with a
fall back to 3.1.1 for brokers that refuse a version 5 CONNECT (transport facts:
amqtt, aedes, NATS), a persistent session, a last will, and reconnects that wait
longer each time, by a random part, so that a fleet does not come back all at once.
It never raises towards the agent: what cannot be sent now is sent later by whoever
owns it.

``read_topic`` reads a topic of a local broker, as a source of rows.
"""

import logging
import queue
import random
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from device_contract.codec import MAX_MESSAGE_BYTES

logger = logging.getLogger(__name__)

SESSION_EXPIRY_S: Final = 7 * 86_400
MAX_PACKET_BYTES: Final = MAX_MESSAGE_BYTES + 1024
FIRST_WAIT_S: Final = 0.5
HANDSHAKE_S: Final = 15.0
_UNSUPPORTED_VERSION: Final = "Unsupported protocol version"
"""Reason code 0x84 of MQTT 5; paho reads the return code 0x01 of a 3.1.1 broker as the same."""

_OTHER_VERSION: Final = {
    MQTTProtocolVersion.MQTTv5: MQTTProtocolVersion.MQTTv311,
    MQTTProtocolVersion.MQTTv311: MQTTProtocolVersion.MQTTv5,
}


@dataclass(frozen=True)
class Broker:
    """Where the broker is, and what identifies this device to it."""

    host: str
    port: int
    device_id: str
    ca_file: Path
    identity_file: Path
    """Certificate and private key."""
    keepalive_s: int
    reconnect_max_s: float


@dataclass(frozen=True)
class Will:
    """What the broker publishes, retained, when the device disappears."""

    topic: str
    payload: bytes


class LinkListener(Protocol):
    """Who is told; called from the link's threads, so it only puts things in queues."""

    def link_up(self) -> None:
        """The broker has accepted the connection."""

    def link_down(self, reason: str) -> None:
        """The connection, or an attempt at one, has ended."""

    def message(self, topic: str, payload: bytes) -> None:
        """A message came."""


class BrokerLink:
    """One lasting connection.

    Args:
        broker: Where and as whom.
        will: The last will.
        topics: What to subscribe to, QoS 1, at each connection.
        listener: Who is told.
    """

    def __init__(self, broker: Broker, will: Will, topics: tuple[str, ...], listener: LinkListener) -> None:
        self._broker = broker
        self._will = will
        self._topics = topics
        self._listener = listener
        self._version = MQTTProtocolVersion.MQTTv5
        self._client: Client | None = None
        self._reason = ""
        self._goes_on = False  # what ends the connection is no fault, and nothing to wait for
        self._accepted = threading.Event()
        self._ended = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._keep_connected, name="mqtt", daemon=True)

    @property
    def is_up(self) -> bool:
        """Whether the broker has accepted the connection and it stands."""
        return self._accepted.is_set() and not self._ended.is_set()

    def start(self) -> None:
        """Begin to connect, and to stay connected."""
        self._thread.start()

    def publish(self, topic: str, payload: bytes, *, retain: bool) -> bool:
        """Hand a message to the connection, QoS 1; False when there is none."""
        client = self._client
        if client is None or not self.is_up:
            return False
        return client.publish(topic, payload, qos=1, retain=retain).rc == MQTTErrorCode.MQTT_ERR_SUCCESS

    def renew(self) -> None:
        """Connect anew, with the certificate that is in the file now."""
        client = self._client
        if client is not None and self.is_up:
            logger.info("connecting anew with a renewed certificate")
            self._goes_on = True
            client.disconnect()

    def stop(self, farewell: Will | None = None) -> None:
        """Say goodbye if connected, and end."""
        self._stopping.set()
        client = self._client
        if client is not None and self.is_up:
            if farewell is not None:
                self._publish_and_wait(client, farewell)
            client.disconnect()
        self._ended.set()
        self._thread.join(timeout=HANDSHAKE_S)

    def _publish_and_wait(self, client: Client, farewell: Will) -> None:
        try:
            client.publish(farewell.topic, farewell.payload, qos=1, retain=True).wait_for_publish(timeout=2.0)
        except (ValueError, RuntimeError) as error:
            logger.info("no farewell: %s", error)

    def _keep_connected(self) -> None:
        wait_s = FIRST_WAIT_S
        while not self._stopping.is_set():
            reached, reason = self._connect_once()
            if self._stopping.is_set():
                return
            if self._goes_on:
                continue
            self._listener.link_down(reason)
            if self._accepted.is_set():
                wait_s = FIRST_WAIT_S
            elif reached:
                self._speak(_OTHER_VERSION[self._version], reason)
            self._stopping.wait(random.uniform(wait_s / 2, wait_s))  # noqa: S311  (jitter, no secret)
            wait_s = min(2 * wait_s, self._broker.reconnect_max_s)

    def _speak(self, version: MQTTProtocolVersion, reason: str) -> None:
        """Use a version from the next attempt on; one that the broker accepts stays for the connections after it."""
        self._version = version
        logger.info("broker refused the connection (%s); next attempt speaks %s", reason, version.name)

    def _connect_once(self) -> tuple[bool, str]:
        """Hold one connection until it ends; tell whether the broker was reached, and why it ended."""
        self._accepted.clear()
        self._ended.clear()
        self._goes_on = False
        self._reason = "connection closed"
        try:
            client = self._new_client()
            self._client = client
            self._connect(client)
        except (OSError, ValueError) as error:
            return False, f"{self._broker.host}:{self._broker.port}: {error}"
        client.loop_start()
        self._hold()
        client.loop_stop()
        return True, self._reason

    def _hold(self) -> None:
        """Wait for the end of the connection; one that is not accepted in time ends too."""
        if self._stopping.is_set():
            return
        timer = threading.Timer(HANDSHAKE_S, self._give_up)
        timer.daemon = True
        timer.start()
        self._ended.wait()
        timer.cancel()

    def _give_up(self) -> None:
        if not self._accepted.is_set():
            self._reason = f"no answer to CONNECT within {HANDSHAKE_S:g} s"
            self._ended.set()

    def _new_client(self) -> Client:
        is_v5 = self._version == MQTTProtocolVersion.MQTTv5
        client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=self._broker.device_id,
            clean_session=None if is_v5 else False,
            protocol=self._version,
            reconnect_on_failure=False,
        )
        client.tls_set_context(self._tls())
        client.will_set(self._will.topic, self._will.payload, qos=1, retain=True)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        return client

    def _tls(self) -> ssl.SSLContext:
        """Read the certificates again, so that renewed ones are used at the next connection.

        Raises:
            OSError: A file is missing or damaged; the message names it.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        for read, path in (
            (context.load_verify_locations, self._broker.ca_file),
            (context.load_cert_chain, self._broker.identity_file),
        ):
            try:
                read(path)
            except OSError as error:  # an SSLError is one too, and says nothing of the file
                raise OSError(f"cannot use {path}: {error.strerror or error}; enrol the device again") from error
        return context

    def _connect(self, client: Client) -> None:
        broker = self._broker
        if self._version == MQTTProtocolVersion.MQTTv5:
            properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
            properties.SessionExpiryInterval = SESSION_EXPIRY_S
            properties.MaximumPacketSize = MAX_PACKET_BYTES
            client.connect(broker.host, broker.port, broker.keepalive_s, clean_start=False, properties=properties)
        else:
            client.connect(broker.host, broker.port, broker.keepalive_s)

    def _on_connect(
        self, client: Client, _userdata: object, _flags: ConnectFlags, reason: ReasonCode, _properties: object
    ) -> None:
        if reason.is_failure:
            self._reason = str(reason)
            if self._version == MQTTProtocolVersion.MQTTv5 and reason == _UNSUPPORTED_VERSION:
                self._goes_on = True
                self._speak(MQTTProtocolVersion.MQTTv311, self._reason)
            return
        client.subscribe([(topic, 1) for topic in self._topics])
        self._accepted.set()
        logger.info("connected to %s:%d with %s", self._broker.host, self._broker.port, self._version.name)
        self._listener.link_up()

    def _on_disconnect(
        self, _client: Client, _userdata: object, _flags: DisconnectFlags, reason: ReasonCode, _properties: object
    ) -> None:
        if self._accepted.is_set():
            self._reason = str(reason)
        self._ended.set()

    def _on_message(self, _client: Client, _userdata: object, message: MQTTMessage) -> None:
        self._listener.message(message.topic, bytes(message.payload))


def read_topic(host: str, port: int, topic: str, stop: threading.Event, limit: int) -> Iterator[bytes]:
    """Yield the payloads of a topic on a local broker, reconnecting by itself.

    Args:
        host: The broker, without TLS.
        port: Its port.
        topic: A topic or a filter.
        stop: Ends the reading.
        limit: Payloads that may wait; while so many wait, newer ones are dropped.

    Raises:
        OSError: The broker cannot be reached at the start.
    """
    payloads: queue.Queue[bytes] = queue.Queue(limit)
    client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv311)

    def subscribe(client: Client, *_: object) -> None:
        client.subscribe(topic, qos=1)

    def keep(_client: Client, _userdata: object, message: MQTTMessage) -> None:
        if not payloads.full():
            payloads.put_nowait(bytes(message.payload))

    client.on_connect = subscribe
    client.on_message = keep
    client.connect(host, port)
    client.loop_start()
    try:
        while not stop.is_set():
            try:
                yield payloads.get(timeout=0.5)
            except queue.Empty:
                continue
    finally:
        client.disconnect()
        client.loop_stop()
