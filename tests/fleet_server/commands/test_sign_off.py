"""``leeway-fleet drift sign-off`` and the client's frame of it, against the server with the seeded fleet."""

import json
import time
from datetime import UTC, datetime

import pytest
from typer.testing import CliRunner, Result

from fleet_server.cli import app
from fleet_server.client import FleetClient
from tests.fleet_server.commands.running_server import RunningServer
from tests.fleet_server.seeded_fleet import HOUR_MS, START_MS, WINDOWS

pytestmark = pytest.mark.slow

LAST_MS = START_MS + (WINDOWS - 2) * HOUR_MS
"""Of the last window that all devices have passed."""
BEFORE_MS = START_MS + (WINDOWS // 2 - 1) * HOUR_MS
BEFORE = f"{datetime.fromtimestamp(BEFORE_MS / 1000, UTC):%Y-%m-%dT%H:%M:%S}"


def sign_off(server: RunningServer, *arguments: str) -> Result:
    options = ["--server", server.url, "--token", server.admin_token, "--ca", str(server.ca)]
    return CliRunner().invoke(app, ["drift", "sign-off", "power", *arguments, *options])


@pytest.fixture
def judged(seeded_server: RunningServer) -> RunningServer:
    """Wait until the last window of all has been judged."""
    while json.loads(sign_off(seeded_server, "--json").stdout or "{}").get("window_start_ms") != LAST_MS:
        time.sleep(0.2)
    return seeded_server


def test_the_broken_sensor_is_named_and_the_exit_code_says_so(judged: RunningServer) -> None:
    shown = sign_off(judged, "--against", "training")
    assert shown.exit_code == 1
    first = shown.stdout.splitlines()[1].split()
    assert first[:2] == ["turbine-3", "temperature"]
    assert "of 4 devices, of which 0 could not be compared, in the window of 2026-01-02 22:00:00" in shown.stderr


def test_before_the_fault_the_window_is_signed_off(judged: RunningServer) -> None:
    shown = sign_off(judged, "--against", "training", "--false-discovery-rate", "0.000001", "--at", BEFORE)
    assert (shown.exit_code, len(shown.stdout.splitlines())) == (0, 1)
    assert shown.stderr.startswith("0 findings among ")


def test_a_window_of_devices_that_are_still_learned_is_not_signed_off(judged: RunningServer) -> None:
    shown = sign_off(judged, "--at", BEFORE)
    assert (shown.exit_code, len(shown.stdout.splitlines())) == (1, 1)
    assert shown.stderr.startswith("0 findings among 0 charts of 4 devices, of which 4 could not be compared")


def test_the_client_has_it_as_a_frame(judged: RunningServer) -> None:
    with FleetClient(judged.url, judged.admin_token, judged.ca) as client:
        found = client.sign_off("power", against="training", false_discovery_rate=0.01)
        assert found.iloc[0]["device_id"] == "turbine-3"
        assert found["false_discovery_rate"].max() <= 0.01
        assert found["false_discovery_rate"].is_monotonic_increasing
        assert client.sign_off("power", at=BEFORE_MS).empty


def test_a_rate_that_is_none_is_one_clear_line(judged: RunningServer) -> None:
    shown = sign_off(judged, "--false-discovery-rate", "2")
    assert shown.exit_code == 8
    assert "false_discovery_rate" in shown.stderr
