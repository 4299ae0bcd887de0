"""The way of a model, from the compiler to the verdict, and what must survive on it."""

import json
import signal
from pathlib import Path

import pytest

from examples.wind_turbines.fleet import Fleet
from examples.wind_turbines.processes import command, run

pytestmark = pytest.mark.slow

N_ROWS = 6000
WINDOW_S = 100
SAMPLED_ROWS = 5
PUMP = "pump-1"


@pytest.fixture
def ready(fleet: Fleet, models: dict[str, Path], sample: Path) -> Fleet:
    """The fleet with version 1 published and the device ``pump-1`` enrolled."""
    fleet.create_model()
    fleet.publish("1", models["1"], sample)
    fleet.enroll(PUMP)
    return fleet


def until_scored(fleet: Fleet, rows: int) -> None:
    fleet.until(f"{rows} rows", lambda: fleet.telemetry(PUMP)["rows_scored"] >= rows)


def test_every_row_of_a_replay_is_scored_and_counted_once(ready: Fleet, replay: Path) -> None:
    sampling = [command("leeway-fleet"), "sampling", "set", "all", "--rows", str(SAMPLED_ROWS), "--data"]
    run([*sampling, str(ready.data)])
    ready.run_agent(PUMP, f"replay:{replay}", WINDOW_S)
    ready.until_finished(ready.deploy("1"))
    until_scored(ready, N_ROWS)
    assert ready.champion(PUMP) == "1"
    totals = ready.telemetry(PUMP)
    assert (totals["rows_scored"], totals["reports_ingested"]) == (N_ROWS, N_ROWS // WINDOW_S)
    path = f"/api/v1/devices/{PUMP}/drift"
    ready.until("a verdict", lambda: ready.get(path)["training"]["verdict"] == "stable")
    path = "/api/v1/models/demo/versions/1/samples?limit=500"
    ready.until("samples", lambda: len(ready.get(path)["items"]) == N_ROWS // WINDOW_S)
    drawn = [row for sample in ready.get(path)["items"] for row in sample["rows"]]
    assert len(drawn) == len({row["row"] for row in drawn}) == SAMPLED_ROWS * N_ROWS // WINDOW_S
    found = ready.get(f"/api/v1/devices/{PUMP}/samples/{drawn[0]['row']}/explanation")
    assert found["method"] == "matrix"
    assert found["scores"] == pytest.approx(list(drawn[0]["outputs"].values()))


def test_nothing_is_lost_or_doubled_when_server_and_device_are_killed(ready: Fleet, replay: Path) -> None:
    ready.run_agent(PUMP, f"replay:{replay}?speed=300", WINDOW_S)
    ready.deploy("1")
    until_scored(ready, 5 * WINDOW_S)
    ready.end("server", signal.SIGKILL)
    ready.serve()
    until_scored(ready, N_ROWS)
    totals = ready.telemetry(PUMP)
    assert (totals["rows_scored"], totals["reports_ingested"]) == (N_ROWS, N_ROWS // WINDOW_S)

    ready.end(PUMP, signal.SIGKILL)
    ready.run_agent(PUMP, f"replay:{replay}", WINDOW_S)
    until_scored(ready, 2 * N_ROWS)
    assert ready.telemetry(PUMP)["rows_scored"] == 2 * N_ROWS
    assert ready.champion(PUMP) == "1"


def test_a_bundle_with_onnx_alone_is_scored_by_onnxruntime(
    fleet: Fleet, replay: Path, models: dict[str, Path], sample: Path
) -> None:
    fleet.create_model()
    fleet.publish("2", models["2"], sample, "--kind", "onnx")
    fleet.enroll(PUMP)
    fleet.run_agent(PUMP, f"replay:{replay}", WINDOW_S)
    fleet.until_finished(fleet.deploy("2"))
    until_scored(fleet, N_ROWS)
    windows = fleet.get(f"/api/v1/devices/{PUMP}/windows")["items"]
    output = windows[0]["streams"][-1]
    assert (output["role"], output["finite"], output["missing"]) == ("output", WINDOW_S, 0)


def test_a_rollback_brings_the_earlier_version_back(
    ready: Fleet, replay: Path, models: dict[str, Path], sample: Path
) -> None:
    ready.run_agent(PUMP, f"replay:{replay}?speed=200", WINDOW_S)
    ready.until_finished(ready.deploy("1"))
    ready.publish("2", models["2"], sample)
    deployment = ready.deploy("2")
    ready.until_finished(deployment)
    assert ready.champion(PUMP) == "2"
    ready.post(f"/api/v1/deployments/{deployment}/rollback")
    ready.until("version 1 to be back", lambda: ready.champion(PUMP) == "1")
    path = f"/api/v1/deployments/{deployment}"
    ready.until("the rollback to end", lambda: ready.get(path)["state"] == "rolled_back")


def test_the_first_deployment_can_be_rolled_back_to_nothing(ready: Fleet, replay: Path) -> None:
    ready.run_agent(PUMP, f"replay:{replay}?speed=200", WINDOW_S)
    deployment = ready.deploy("1")
    ready.until_finished(deployment)
    ready.post(f"/api/v1/deployments/{deployment}/rollback")
    ready.until("the slot to be empty", lambda: ready.champion(PUMP) is None)
    path = f"/api/v1/deployments/{deployment}"
    ready.until("the rollback to end", lambda: ready.get(path)["state"] == "rolled_back")


def test_a_device_goes_on_scoring_while_the_server_is_away(ready: Fleet, replay: Path) -> None:
    ready.run_agent(PUMP, f"replay:{replay}?speed=300", WINDOW_S)
    ready.deploy("1")
    until_scored(ready, WINDOW_S)
    ready.end("server")
    status = [command("leeway-agent"), "status", "--json", "--state", str(ready.folder / PUMP)]
    ready.until("spooled reports", lambda: json.loads(run(status))["outbox_reports"] > 0)
    ready.serve()
    until_scored(ready, N_ROWS)
    assert ready.telemetry(PUMP)["rows_scored"] == N_ROWS


def test_a_revoked_device_is_cut_off(ready: Fleet) -> None:
    ready.run_agent(PUMP, "stdin", WINDOW_S)
    ready.until("the device to be online", lambda: bool(ready.get(f"/api/v1/devices/{PUMP}")["online"]))
    ready.post(f"/api/v1/devices/{PUMP}/revoke")
    ready.until("the device to be offline", lambda: not ready.get(f"/api/v1/devices/{PUMP}")["online"])
