"""What is written for a mosquitto of one's own; that it works is in ``test_brokers.py``."""

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from fleet_server.broker.command import app
from fleet_server.settings import DataFolder


@pytest.fixture
def data(tmp_path: Path) -> DataFolder:
    folder = DataFolder(tmp_path / "fleet")
    folder.path.mkdir()
    folder.settings_file.write_text("mqtt_port = 18883\n")
    return folder


def test_the_command_writes_both_files(data: DataFolder, tmp_path: Path) -> None:
    answer = CliRunner().invoke(app, ["config", "--data", str(data.path), "--out", str(tmp_path / "site")])
    assert answer.exit_code == 0
    settings = (tmp_path / "site" / "mosquitto.conf").read_text()
    for line in (
        "listener 18883",
        f"crlfile {data.certificates}/crl.pem",
        "require_certificate true",
        "use_username_as_clientid true",
        "max_queued_messages 1000000",
        f"acl_file {tmp_path}/site/leeway.acl",
    ):
        assert line in settings
    assert "pattern read leeway/v1/%u/down/#" in (tmp_path / "site" / "leeway.acl").read_text()


def test_without_a_folder_both_are_printed(data: DataFolder) -> None:
    answer = CliRunner().invoke(app, ["config", "--data", str(data.path)])
    assert answer.exit_code == 0
    assert "allow_anonymous false" in answer.output
    assert "user fleet-server" in answer.output
    assert not (data.path / "mosquitto").exists()


@pytest.mark.slow
def test_a_revoked_certificate_stays_out(broker: Any, connect: Any) -> None:
    certificate = broker.issue("turbine-1")
    assert connect("turbine-1", tls=certificate).connect()
    broker.authority.revoke(certificate.certificate)
    broker.revoked.add("turbine-1")
    broker.restart()
    assert not connect("turbine-1", tls=certificate).connect()
