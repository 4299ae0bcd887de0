"""amqtt's broker, with what amqtt 0.12 lacks for a fleet of strangers.

Every override of amqtt is in this file, for one of these reasons:

* amqtt finds the session by the client id before it authenticates, keeps the old
  connection's certificate in it, and drops or takes over a stranger's session. Here a
  client proves its name first, and its old connection ends before the new one begins.
* amqtt publishes any last will unchecked; here it must be on a topic that its owner may write.
* amqtt sends the retained messages of *every* subscription to each client that
  connects; here each gets those of its own subscriptions.
* amqtt iterates over its subscriptions while they change, and loses the message;
  here it iterates over a copy.
* amqtt reads an MQTT 5 CONNECT as one of 3.1.1 and stumbles over its properties before it
  looks at the version; here the version is looked at first, and refused.
* amqtt never ends the connection of a client that has gone silent, so that its last
  will never comes; here the reader does (``fleet_server.broker.framing``).
"""

import asyncio
from collections.abc import ItemsView, Iterator
from contextlib import suppress
from typing import Any

from amqtt.adapters import BufferReader, WriterAdapter
from amqtt.broker import Broker
from amqtt.errors import AMQTTError
from amqtt.mqtt.connack import NOT_AUTHORIZED, UNACCEPTABLE_PROTOCOL_VERSION, ConnackPacket
from amqtt.mqtt.connect import ConnectPacket, ConnectVariableHeader
from amqtt.mqtt.packet import CONNECT, MQTTFixedHeader
from amqtt.mqtt.protocol.broker_handler import BrokerProtocolHandler
from amqtt.session import Session

from fleet_server.broker.access import may_publish
from fleet_server.broker.certificate_plugin import common_name
from fleet_server.broker.framing import FramedReader

LISTENER = "default"
_PROTOCOL_LEVEL = 4
"""That of MQTT 3.1.1; version 5 has 5."""

_KEEP_ALIVE_GRACE = 1.5
"""A client is gone after this many of its keep-alive intervals (MQTT 3.1.1, section 3.1.2.10)."""

_MAX_SILENCE_S = 300.0
"""The same for a client that promised no keep-alive."""

_CUT_TIMEOUT_S = 5.0


class _Subscriptions(dict[str, list[tuple[Session, int]]]):
    """Subscriptions by filter, safe to change while amqtt iterates over them."""

    def __iter__(self) -> Iterator[str]:
        return iter(tuple(super().__iter__()))

    def items(self) -> ItemsView[str, list[tuple[Session, int]]]:  # type: ignore[override]  # a view of a copy
        return {key: list(self[key]) for key in self}.items()


class FleetBroker(Broker):  # type: ignore[misc]  # amqtt ships no types
    """An MQTT 3.1.1 broker whose clients are known by their certificates."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401  (handed on to amqtt)
        super().__init__(*args, **kwargs)
        self._subscriptions = _Subscriptions()
        self._connections: dict[str, asyncio.Task[Any]] = {}

    async def cut(self, client_id: str) -> None:
        """End a client's connection, if it has one, and wait until it has ended."""
        task = self._connections.get(client_id)
        _, handler = self._sessions.get(client_id, (None, None))
        if task is None or task.done() or task is _current_task() or handler is None:
            return
        await handler.handle_connection_closed()
        await asyncio.wait({task}, timeout=_CUT_TIMEOUT_S)

    async def _initialize_client_session(
        self, reader: FramedReader, writer: WriterAdapter, remote_address: str, remote_port: int
    ) -> tuple[BrokerProtocolHandler, Session]:
        try:
            connect = await self._read_connect(await reader.next_packet(), writer)
            await self._check(connect, writer)
        except Exception as error:  # amqtt's parser raises many kinds of errors at garbage
            with suppress(OSError):
                await writer.close()
            raise AMQTTError(f"refused {remote_address}: {error}") from error
        await self.cut(connect.client_id)
        handler, session = await super()._initialize_client_session(
            BufferReader(connect.to_bytes()), writer, remote_address, remote_port
        )
        session.ssl_object = writer.get_ssl_info()
        session.will_retain = connect.will_retain_flag
        session.clean_session = connect.clean_session_flag
        self._connections[connect.client_id] = _current_task()
        reader.idle_s = _KEEP_ALIVE_GRACE * session.keep_alive or _MAX_SILENCE_S
        session.keep_alive = 0
        return handler, session

    async def _read_connect(self, packet: bytes, writer: WriterAdapter) -> ConnectPacket:
        buffer = BufferReader(packet)
        fixed = await MQTTFixedHeader.from_stream(buffer)
        if fixed is None or fixed.packet_type != CONNECT:
            raise AMQTTError("the first packet is no CONNECT")
        variable = await ConnectVariableHeader.from_stream(buffer, fixed)
        # MQTT 3.1.1, section 3.1.2.2: "The Server MUST respond to the CONNECT Packet with a CONNACK return code 0x01
        # (unacceptable protocol level) and then disconnect the Client if the Protocol Level is not supported".
        if variable.proto_level != _PROTOCOL_LEVEL:
            await self._refuse(writer, UNACCEPTABLE_PROTOCOL_VERSION)
            raise AMQTTError(f"protocol level {variable.proto_level}, spoken here: {_PROTOCOL_LEVEL}")
        return await ConnectPacket.from_stream(buffer, fixed, variable)

    async def _check(self, connect: ConnectPacket, writer: WriterAdapter) -> None:
        peer = writer.get_ssl_info()
        name = common_name(peer)
        probe = Session()
        probe.client_id, probe.ssl_object = connect.client_id, peer
        if name is None or not await self._authenticate(probe, self.listeners_config[LISTENER]):
            await self._refuse(writer, NOT_AUTHORIZED)
            raise AMQTTError(f"client id {connect.client_id!r} with the certificate of {name!r}")
        if connect.will_flag and not may_publish(name, connect.will_topic):
            await self._refuse(writer, NOT_AUTHORIZED)
            raise AMQTTError(f"{name} may not leave a last will on {connect.will_topic!r}")

    @staticmethod
    async def _refuse(writer: WriterAdapter, return_code: int) -> None:
        await ConnackPacket.build(0, return_code).to_stream(writer)

    async def _publish_retained_messages_for_subscription(
        self, subscription: tuple[str, int], session: Session
    ) -> None:
        subscribers = self._subscriptions.get(subscription[0], [])
        if any(subscriber.client_id == session.client_id for subscriber, _ in subscribers):
            await super()._publish_retained_messages_for_subscription(subscription, session)


def _current_task() -> asyncio.Task[Any]:
    task = asyncio.current_task()
    assert task is not None  # noqa: S101  (every coroutine of the broker runs in a task)
    return task
