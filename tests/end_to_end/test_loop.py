"""The way of a model, from the compiler to the verdict, and what must survive on it."""

import signal
import subprocess
from pathlib import Path

import pytest

from examples.wind_turbines.processes import command
from tests.end_to_end.fleet import Fleet

pytestmark = pytest.mark.slow

N_ROWS = 6000
WINDOW_S = 100


@pytest.fixture
def ready(fleet: Fleet, models: dict[str, Path], sample: Path) -> Fleet:
    """The fleet with version 1 published and the device ``pump-1`` enrolled."""
    fleet.publish(models["1"], sample, "1")
    fleet.enroll("pump-1")
    return fleet


def test_every_row_of_a_replay_is_scored_and_counted_once(ready: Fleet, replay: Path) -> None:
    ready.run_agent("pump-1", f"replay:{replay}", WINDOW_S)
    deployment = ready.deploy("1")
    ready.until(lambda: ready.get(f"/api/v1/deployments/{deployment}")["state"] == "finished")
    ready.until(lambda: ready.rows_scored("pump-1") == N_ROWS)
    assert ready.champion("pump-1") == "1"
    totals = ready.get("/api/v1/devices/pump-1/telemetry")
    assert totals["reports_ingested"] == N_ROWS // WINDOW_S
    drift = ready.get("/api/v1/devices/pump-1/drift")
    assert drift["training"]["verdict"] in {"stable", "learning"}


def test_nothing_is_lost_or_doubled_when_server_and_device_are_killed(ready: Fleet, replay: Path) -> None:
    source = f"replay:{replay}?speed=300"
    ready.run_agent("pump-1", source, WINDOW_S)
    ready.deploy("1")
    ready.until(lambda: ready.rows_scored("pump-1") >= 5 * WINDOW_S)
    ready.end("server", signal.SIGKILL)
    ready.serve()
    ready.until(lambda: ready.rows_scored("pump-1") == N_ROWS)
    assert ready.get("/api/v1/devices/pump-1/telemetry")["reports_ingested"] == N_ROWS // WINDOW_S

    ready.end("pump-1", signal.SIGKILL)
    ready.run_agent("pump-1", f"replay:{replay}", WINDOW_S)
    ready.until(lambda: ready.rows_scored("pump-1") == 2 * N_ROWS)
    assert ready.champion("pump-1") == "1"


def test_a_rollback_brings_the_earlier_version_back(
    ready: Fleet, replay: Path, models: dict[str, Path], sample: Path
) -> None:
    ready.run_agent("pump-1", f"replay:{replay}?speed=100", WINDOW_S)
    ready.deploy("1")
    ready.until(lambda: ready.champion("pump-1") == "1")
    ready.publish(models["2"], sample, "2")
    deployment = ready.deploy("2")
    ready.until(lambda: ready.champion("pump-1") == "2")
    ready.post(f"/api/v1/deployments/{deployment}/rollback")
    ready.until(lambda: ready.champion("pump-1") == "1")
    ready.until(lambda: ready.get(f"/api/v1/deployments/{deployment}")["state"] == "rolled_back")


def test_a_device_goes_on_scoring_while_the_server_is_away(ready: Fleet, replay: Path) -> None:
    ready.run_agent("pump-1", f"replay:{replay}?speed=300", WINDOW_S)
    ready.deploy("1")
    ready.until(lambda: ready.rows_scored("pump-1") >= WINDOW_S)
    ready.end("server")
    status = [command("leeway-agent"), "status", "--json", "--state", str(ready.folder / "pump-1")]

    def has_spooled() -> bool:
        return b'"outbox_reports": 0' not in subprocess.run(status, check=True, capture_output=True).stdout

    ready.until(has_spooled)
    ready.serve()
    ready.until(lambda: ready.rows_scored("pump-1") == N_ROWS)


def test_a_revoked_device_is_cut_off(ready: Fleet) -> None:
    ready.run_agent("pump-1", "stdin", WINDOW_S)
    ready.until(lambda: bool(ready.get("/api/v1/devices/pump-1")["online"]))
    ready.post("/api/v1/devices/pump-1/revoke")
    ready.until(lambda: not ready.get("/api/v1/devices/pump-1")["online"])
