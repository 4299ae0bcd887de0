"""The link against the server's own embedded broker, which speaks MQTT 3.1.1 alone."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from edge_agent.mqtt import Broker, BrokerLink, Will
from fleet_server.broker.embedded import EmbeddedBroker
from fleet_server.broker.tls import TlsFiles
from tests.support.authority import Authority
from tests.support.waiting import wait_until

pytestmark = pytest.mark.slow
DEVICE = "pump-7"


class Listener:
    """Remembers what it is told."""

    def __init__(self) -> None:
        self.ups = 0
        self.downs: list[str] = []

    def link_up(self) -> None:
        self.ups += 1

    def link_down(self, reason: str) -> None:
        self.downs.append(reason)

    def message(self, topic: str, payload: bytes) -> None:
        raise AssertionError(f"{topic}: {payload!r}")


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def broker(authority: Authority) -> Iterator[EmbeddedBroker]:
    embedded = start_broker(authority, 0)
    yield embedded
    embedded.stop()


def start_broker(authority: Authority, port: int) -> EmbeddedBroker:
    broker = EmbeddedBroker(
        "127.0.0.1",
        port,
        tls=TlsFiles(*authority.issue("broker")),
        may_connect=lambda _device_id, _serial: True,
        registry=CollectorRegistry(),
    )
    broker.start()
    return broker


def test_a_refused_version_is_no_fault_and_the_accepted_one_is_kept(
    broker: EmbeddedBroker, authority: Authority, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "edge_agent.mqtt")
    listener = Listener()
    ca, certificate, key = authority.issue(DEVICE)
    identity = tmp_path / "device.pem"
    identity.write_bytes(key.read_bytes() + certificate.read_bytes())
    address = Broker("127.0.0.1", broker.port, DEVICE, ca, identity, keepalive_s=60, reconnect_max_s=1.0)
    link = BrokerLink(
        address, Will(f"leeway/v1/{DEVICE}/up/birth", b"gone"), (f"leeway/v1/{DEVICE}/down/ack",), listener
    )
    link.start()
    wait_until(lambda: listener.ups == 1, "connected")
    assert listener.downs == []
    broker.disconnect(DEVICE)
    wait_until(lambda: listener.ups == 2, "connected again")
    assert len(listener.downs) == 1
    link.renew()
    wait_until(lambda: listener.ups == 3, "connected anew")
    link.stop()
    assert len(listener.downs) == 1
    refusal, *connections = [record.message for record in caplog.records if record.name == "edge_agent.mqtt"]
    assert refusal == "broker refused the connection (Unsupported protocol version); next attempt speaks MQTTv311"
    connected = f"connected to 127.0.0.1:{broker.port} with MQTTv311"
    assert connections == [connected, connected, "connecting anew with a renewed certificate", connected]


@pytest.mark.parametrize("damaged", ["device.pem", "ca.crt"])
@pytest.mark.parametrize("content", [None, b"rubbish"])
def test_a_damaged_identity_is_told_by_its_file(
    authority: Authority, tmp_path: Path, damaged: str, content: bytes | None
) -> None:
    ca, certificate, key = authority.issue(DEVICE)
    files = {"ca.crt": ca.read_bytes(), "device.pem": key.read_bytes() + certificate.read_bytes()}
    for name, data in {**files, damaged: content}.items():
        if data is not None:
            (tmp_path / f"broken-{name}").write_bytes(data)
    listener = Listener()
    paths = [tmp_path / f"broken-{name}" for name in files]
    address = Broker("127.0.0.1", 1, DEVICE, *paths, keepalive_s=60, reconnect_max_s=1.0)
    link = BrokerLink(address, Will("leeway/v1/pump-7/up/birth", b"gone"), (), listener)
    link.start()
    wait_until(lambda: bool(listener.downs), "told")
    link.stop()
    assert f"cannot use {tmp_path / f'broken-{damaged}'}: " in listener.downs[0]
    assert listener.downs[0].endswith("; enrol the device again")
