"""Enrolment over real HTTPS."""

import stat
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from device_contract.errors import ProfileError
from edge_agent.enrollment import enroll
from edge_agent.errors import EnrollmentRefusedError, ServerUnreachableError, SettingsError
from edge_agent.settings import read_settings
from tests.edge_agent.fleet_simulator import DEVICE, FleetSimulator
from tests.support.ports import free_port


def test_an_identity_is_written(fleet: FleetSimulator, tmp_path: Path) -> None:
    state_dir = tmp_path / "deep" / "state"
    told = enroll(f"{fleet.url}/", fleet.token, state_dir, "raspberry-pi-4")
    assert read_settings(state_dir) == told
    assert (told.device_id, told.profile, told.mqtt_port) == (DEVICE, "raspberry-pi-4", fleet.mqtt_port)
    key = load_pem_private_key((state_dir / "device.pem").read_bytes(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    assert key.curve.name == "secp256r1"
    certificate = x509.load_pem_x509_certificate((state_dir / "device.pem").read_bytes())
    assert certificate.public_key() == key.public_key()
    assert stat.S_IMODE((state_dir / "device.pem").stat().st_mode) == 0o600
    assert (state_dir / "root.json").read_bytes() == fleet.repository.root


def test_a_used_token_is_refused_in_the_servers_words(fleet: FleetSimulator, tmp_path: Path) -> None:
    enroll(fleet.url, fleet.token, tmp_path / "one", "generic-x86_64")
    with pytest.raises(EnrollmentRefusedError, match="the token is expired or used"):
        enroll(fleet.url, fleet.token, tmp_path / "two", "generic-x86_64")
    assert not (tmp_path / "two" / "agent.toml").exists()


def test_another_ca_never_sees_the_secret(fleet: FleetSimulator, tmp_path: Path) -> None:
    pinned = fleet.token.replace(fleet.authority.sha256, "f" * 64)
    with pytest.raises(EnrollmentRefusedError, match="not the one that the token pins"):
        enroll(fleet.url, pinned, tmp_path, "generic-x86_64")
    assert fleet.used_tokens == set()


@pytest.mark.parametrize("token", ["", "lw1", "lw1.a.b.c", "x" * 5000])
def test_what_is_no_token(fleet: FleetSimulator, tmp_path: Path, token: str) -> None:
    with pytest.raises(EnrollmentRefusedError, match="not an enrolment token"):
        enroll(fleet.url, token, tmp_path, "generic-x86_64")
    assert fleet.requests == []


def test_an_unknown_token(fleet: FleetSimulator, tmp_path: Path) -> None:
    with pytest.raises(EnrollmentRefusedError, match="status 404"):
        enroll(fleet.url, fleet.token.replace("0123456789abcdef", "0" * 16), tmp_path, "generic-x86_64")


@pytest.mark.parametrize("url", ["https://127.0.0.1:{port}", "https://"])
def test_a_server_that_is_away(fleet: FleetSimulator, tmp_path: Path, url: str) -> None:
    with pytest.raises(ServerUnreachableError, match="no answer from"):
        enroll(url.format(port=free_port()), fleet.token, tmp_path, "generic-x86_64")


@pytest.mark.parametrize("scheme", ["http://", "ftp://", ""])
def test_the_secret_never_travels_in_the_clear(fleet: FleetSimulator, tmp_path: Path, scheme: str) -> None:
    with pytest.raises(SettingsError, match="is not an https address; give --server https://HOST:PORT"):
        enroll(fleet.url.replace("https://", scheme), fleet.token, tmp_path, "generic-x86_64")
    assert fleet.requests == []


def test_an_unknown_profile(fleet: FleetSimulator, tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match="no firmware profile 'toaster'; there are: "):
        enroll(fleet.url, fleet.token, tmp_path, "toaster")
    assert fleet.used_tokens == set()


def test_an_enrolled_folder_is_left_alone(fleet: FleetSimulator, state_dir: Path) -> None:
    before = (state_dir / "device.pem").read_bytes()
    with pytest.raises(SettingsError, match="enrolled already"):
        enroll(fleet.url, fleet.token, state_dir, "generic-x86_64")
    assert (state_dir / "device.pem").read_bytes() == before


@pytest.mark.slow
def test_the_command_answers_in_one_line(fleet: FleetSimulator, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "edge_agent.cli", "enroll", "--server", fleet.url, "--state", str(tmp_path / "s")]
    good = subprocess.run([*command, "--token", fleet.token], capture_output=True, text=True, check=False)
    assert (good.returncode, good.stdout.split(";")[0]) == (0, f"enrolled as {DEVICE}")
    bad = subprocess.run(
        [*command[:-1], str(tmp_path / "t"), "--token", fleet.token], capture_output=True, text=True, check=False
    )
    assert (bad.returncode, bad.stderr.count("\n")) == (4, 1)
    assert "expired or used" in bad.stderr
