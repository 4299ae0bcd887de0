"""Both brokers as fixtures, and devices that speak to them over mutual TLS."""

import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from queue import Queue

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.reasoncodes import ReasonCode
from prometheus_client import CollectorRegistry

from fleet_server.broker.client import BrokerAddress
from fleet_server.broker.embedded import EmbeddedBroker
from fleet_server.broker.mosquitto import MosquittoSite, write_configuration
from fleet_server.broker.tls import TlsFiles, client_context
from fleet_server.trust.certificates import SERVER_NAME
from tests.support.authority import Authority
from tests.support.mosquitto import start_mosquitto
from tests.support.ports import free_port

WAIT_S = 20.0


@dataclass
class Site:
    """A running broker and what a test needs to reach it."""

    authority: Authority
    port: int
    mqtt5: bool
    restart: Callable[[], None]
    embedded: EmbeddedBroker | None = None
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    revoked: set[str] = field(default_factory=set)

    def issue(self, name: str) -> TlsFiles:
        return TlsFiles(*self.authority.issue(name))

    def server_address(self) -> BrokerAddress:
        return BrokerAddress("127.0.0.1", self.port, self.issue(SERVER_NAME), self.mqtt5)


class Device:
    """A plain MQTT 3.1.1 client with a certificate."""

    def __init__(  # noqa: PLR0913  (a client has that many sides)
        self,
        port: int,
        tls: TlsFiles,
        client_id: str,
        *,
        will: tuple[str, bytes] | None = None,
        clean: bool = True,
        keep_alive_s: int = 60,
    ) -> None:
        self.received: Queue[tuple[str, bytes, bool]] = Queue()
        self.connected: Queue[bool] = Queue()
        self.lost: Queue[bool] = Queue()
        self.granted: Queue[list[ReasonCode]] = Queue()
        self.client = paho.Client(
            CallbackAPIVersion.VERSION2, client_id, clean_session=clean, reconnect_on_failure=False
        )
        self.client.tls_set_context(client_context(tls))
        self.client.on_connect = lambda _c, _d, _f, reason, _p: self.connected.put(not reason.is_failure)
        self.client.on_disconnect = lambda *_: self.lost.put(True)
        self.client.on_subscribe = lambda _c, _d, _m, reasons, _p: self.granted.put(reasons)
        self.client.on_message = lambda _c, _d, m: self.received.put((m.topic, m.payload, m.retain))
        if will is not None:
            self.client.will_set(*will, qos=1, retain=True)
        self._port = port
        self._keep_alive_s = keep_alive_s

    def connect(self) -> bool:
        """Connect; return whether the broker let us in."""
        try:
            self.client.connect("127.0.0.1", self._port, self._keep_alive_s)
        except OSError:
            return False
        self.client.loop_start()
        deadline = time.monotonic() + WAIT_S
        while time.monotonic() < deadline:
            if not self.connected.empty():
                return self.connected.get()
            if not self.lost.empty():
                return False
            time.sleep(0.01)
        raise AssertionError("the broker neither accepted nor refused")

    def subscribe(self, topic: str) -> bool:
        """Subscribe; return whether the broker granted it."""
        self.client.subscribe(topic, 1)
        return not self.granted.get(timeout=WAIT_S)[0].is_failure

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Publish and wait for the broker's acknowledgement."""
        self.client.publish(topic, payload, 1, retain).wait_for_publish(WAIT_S)

    def drop(self) -> None:
        """Lose the connection without a word."""
        sock = self.client.socket()
        assert sock is not None
        sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    folder = tmp_path / "pki"
    folder.mkdir()
    return Authority(folder)


@pytest.fixture
def foreign_authority(tmp_path: Path) -> Authority:
    folder = tmp_path / "foreign"
    folder.mkdir()
    return Authority(folder)


@pytest.fixture(params=["embedded", "mosquitto"])
def broker(request: pytest.FixtureRequest, authority: Authority, tmp_path: Path) -> Iterator[Site]:
    yield from (_embedded(authority) if request.param == "embedded" else _mosquitto(authority, tmp_path / "broker"))


@pytest.fixture
def embedded(authority: Authority) -> Iterator[Site]:
    yield from _embedded(authority)


@pytest.fixture
def connect(broker: Site) -> Iterator[Callable[..., Device]]:
    yield from _devices(broker)


@pytest.fixture
def connect_embedded(embedded: Site) -> Iterator[Callable[..., Device]]:
    yield from _devices(embedded)


def _devices(site: Site) -> Iterator[Callable[..., Device]]:
    devices: list[Device] = []

    def make(name: str, **options: object) -> Device:
        tls = options.pop("tls", None) or site.issue(name)
        device = Device(site.port, tls, options.pop("client_id", name), **options)
        devices.append(device)
        return device

    yield make
    for device in devices:
        device.close()


def _embedded(authority: Authority) -> Iterator[Site]:
    site = Site(authority, 0, mqtt5=False, restart=lambda: None)

    def start() -> None:
        site.registry = CollectorRegistry()
        site.embedded = EmbeddedBroker(
            "127.0.0.1",
            site.port,
            tls=site.issue("broker"),
            may_connect=lambda device_id, _serial: device_id not in site.revoked,
            registry=site.registry,
        )
        site.embedded.start()
        site.port = site.embedded.port

    def restart() -> None:
        site.embedded.stop()
        start()

    site.restart = restart
    start()
    yield site
    site.embedded.stop()


def _mosquitto(authority: Authority, folder: Path) -> Iterator[Site]:
    site = Site(authority, free_port(), mqtt5=True, restart=lambda: None)
    settings, _ = write_configuration(
        MosquittoSite(folder, site.port, site.issue("broker"), authority.revocations, "127.0.0.1", user="root")
    )
    process = start_mosquitto(settings, site.port)

    def restart() -> None:
        nonlocal process
        process.terminate()
        process.wait(WAIT_S)
        process = start_mosquitto(settings, site.port)

    site.restart = restart
    yield site
    process.terminate()
    process.wait(WAIT_S)
