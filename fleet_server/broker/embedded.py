"""The embedded broker: amqtt in a thread of the server's process, with mutual TLS.

Good for some hundreds of devices and no installation. It speaks MQTT 3.1.1 and keeps
nothing on disk: after a restart the devices publish their birth and status anew when
they reconnect, and the server publishes every assignment anew.
"""

import asyncio
import logging
import socket
import threading
from collections.abc import Callable, Coroutine
from typing import Any

from amqtt.adapters import StreamWriterAdapter
from amqtt.contexts import BrokerConfig, ListenerConfig, ListenerType
from prometheus_client import CollectorRegistry, Counter

from fleet_server.broker.access import MAX_PACKET_BYTES, is_identity
from fleet_server.broker.amqtt_broker import LISTENER, FleetBroker
from fleet_server.broker.framing import FramedReader
from fleet_server.broker.tls import TlsFiles, server_context
from fleet_server.errors import StartError
from fleet_server.trust.certificates import OPERATORS_NAME, SERVER_NAME

_logger = logging.getLogger(__name__)

_CONNECT_TIMEOUT_S = 10.0
_TIMEOUT_S = 15.0
_CLOSING_S = 0.05
"""The event loop closes aborted sockets one round later."""

_SESSION_EXPIRY_S = 24 * 3600
_PLUGIN = "fleet_server.broker.certificate_plugin.CertificatePlugin"


class EmbeddedBroker:
    """An MQTT broker in a thread of this process.

    Args:
        host: Address to listen on.
        port: TCP port; 0 takes a free one.
        tls: The broker's own certificate, and the CA of its clients.
        may_connect: Tells whether the device with this id may connect with the certificate of this serial number.
        registry: Where the broker's counters are registered.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        tls: TlsFiles,
        may_connect: Callable[[str, int], bool],
        registry: CollectorRegistry,
    ) -> None:
        self._host, self._port = host, port
        self._tls = server_context(tls)
        self._may_connect = may_connect
        self._oversized = Counter(
            "leeway_broker_oversized_packets", "MQTT packets above the size limit.", registry=registry
        )
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._broker: FleetBroker | None = None
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    @property
    def port(self) -> int:
        """The TCP port that the broker listens on."""
        return self._port

    def start(self) -> None:
        """Listen, and serve in the background.

        Raises:
            StartError: The address cannot be listened on.
        """
        try:
            listener = socket.create_server((self._host, self._port))
        except OSError as error:
            raise StartError(
                f"cannot listen for MQTT on {self._host}:{self._port}: {error.strerror}; choose another mqtt_port"
            ) from error
        self._port = listener.getsockname()[1]
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="mqtt-broker", daemon=True)
        self._thread.start()
        self._submit(self._loop, self._serve(self._loop, listener))

    def stop(self) -> None:
        """Close every connection and stop listening; a broker that never started is left alone."""
        if self._loop is None or self._thread is None:
            return
        self._submit(self._loop, self._shut_down())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_TIMEOUT_S)
        self._loop.close()
        self._loop, self._thread = None, None

    def disconnect(self, device_id: str) -> None:
        """Cut the live connection of a device, for one that has been revoked."""
        if self._broker is not None and self._loop is not None:
            self._submit(self._loop, self._broker.cut(device_id))

    @staticmethod
    def _submit(loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, loop).result(_TIMEOUT_S)

    async def _serve(self, loop: asyncio.AbstractEventLoop, listener: socket.socket) -> None:
        config = BrokerConfig(
            listeners={LISTENER: ListenerConfig(type=ListenerType.EXTERNAL)},
            plugins={_PLUGIN: {"is_admitted": self._is_admitted}},
            session_expiry_interval=_SESSION_EXPIRY_S,
        )
        self._broker = FleetBroker(config, loop=loop)
        await self._broker.start()
        self._server = await asyncio.start_server(
            self._connected,
            sock=listener,
            ssl=self._tls,
            ssl_handshake_timeout=_CONNECT_TIMEOUT_S,
            ssl_shutdown_timeout=1.0,
        )

    async def _shut_down(self) -> None:
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
        for writer in self._writers:  # amqtt closes one after the other, and waits for each
            writer.transport.abort()
        if self._broker is not None:
            await self._broker.shutdown()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await asyncio.sleep(_CLOSING_S)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        framed = FramedReader(
            reader, max_packet_bytes=MAX_PACKET_BYTES, idle_s=_CONNECT_TIMEOUT_S, on_oversized=self._oversized.inc
        )
        assert self._broker is not None  # noqa: S101  (it starts before the server listens)
        self._writers.add(writer)
        try:
            await self._broker.external_connected(framed, StreamWriterAdapter(writer), LISTENER)
        except Exception as error:  # noqa: BLE001  (whatever amqtt raises concerns one connection)
            _logger.warning("a connection broke off: %r", error)
        finally:
            self._writers.discard(writer)
            writer.transport.abort()

    def _is_admitted(self, common_name: str, serial: int) -> bool:
        if common_name in {SERVER_NAME, OPERATORS_NAME}:
            return True
        return is_identity(common_name) and self._may_connect(common_name, serial)
