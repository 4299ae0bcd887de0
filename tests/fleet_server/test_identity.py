"""A device's identity at the live server: it connects while its certificate is the present one."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from fleet_server.app import FleetServer
from fleet_server.broker.tls import TlsFiles
from fleet_server.clock import system_clock
from fleet_server.settings import DataFolder, Settings
from fleet_server.setup import set_up
from tests.fleet_server.broker.conftest import Device
from tests.fleet_server.conftest import AppClient
from tests.fleet_server.enrolling import Enrolled, enroll
from tests.support.ports import free_port

pytestmark = pytest.mark.slow


@pytest.fixture
def data(tmp_path: Path) -> DataFolder:
    return DataFolder(tmp_path / "fleet")


@pytest.fixture
def live(data: DataFolder, database_url: str) -> Iterator[tuple[AppClient, int]]:
    """A client of a server with its broker running, and the broker's port."""
    settings = Settings(database_url=database_url, mqtt_port=free_port())
    set_up(data, settings, system_clock)
    with FleetServer(data, settings, system_clock).running() as app:
        http = AppClient(app, data.admin_token.read_text().strip())
        while http.get("/health").status_code != 200:
            time.sleep(0.02)
        yield http, settings.mqtt_port


def files_of(data: DataFolder, enrolled: Enrolled, name: str) -> TlsFiles:
    certificate, key = data.path / f"{name}.crt", data.path / f"{name}.key"
    certificate.write_text(enrolled.answer["certificate_pem"])
    key.write_bytes(enrolled.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return TlsFiles(data.certificates / "ca.crt", certificate, key)


def test_only_the_present_certificate_connects(data: DataFolder, live: tuple[AppClient, int]) -> None:
    http, port = live
    first = files_of(data, enroll(http, "t1"), "first")
    held = Device(port, first, "t1")
    assert held.connect()
    second = files_of(data, enroll(http, "t1"), "second")
    assert held.lost.get(timeout=120)
    for tls, admitted in ((first, False), (second, True)):
        device = Device(port, tls, "t1")
        assert device.connect() == admitted
        device.close()
    held.close()


def test_a_revoked_device_is_cut_and_stays_out(data: DataFolder, live: tuple[AppClient, int]) -> None:
    http, port = live
    tls = files_of(data, enroll(http, "t1"), "t1")
    held = Device(port, tls, "t1")
    assert held.connect()
    assert http.post("/api/v1/devices/t1/revoke").status_code == 200
    assert held.lost.get(timeout=120)
    again = Device(port, tls, "t1")
    assert not again.connect()
    for device in (held, again):
        device.close()
