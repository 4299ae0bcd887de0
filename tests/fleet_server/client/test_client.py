"""The client against a real server: frames of the seeded fleet, and one clear line for what goes wrong."""

import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from fleet_server.client import ClientError, FleetClient, RefusedError, UnreachableError
from tests.fleet_server.commands.running_server import RunningServer
from tests.fleet_server.seeded_fleet import DEVICES, FAULT_DEGREES, GAIN, HOUR_MS, ROWS, START_MS, WINDOWS
from tests.support.ports import free_port

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[3]
START = datetime.fromtimestamp(START_MS / 1000, UTC)


@pytest.fixture(scope="module")
def fleet(seeded_server: RunningServer) -> Iterator[FleetClient]:
    with FleetClient(seeded_server.url, seeded_server.admin_token, seeded_server.ca) as client:
        yield client


def test_windows_are_devices_by_streams_by_windows(fleet: FleetClient) -> None:
    frame = fleet.windows("power")
    assert len(frame) == len(DEVICES) * WINDOWS * 3
    assert str(frame["window_start"].dtype) == "datetime64[ms, UTC]"
    means = frame[frame["stream"] == "temperature"].pivot_table(
        index="window_start", columns="device_id", values="mean"
    )
    assert means.shape == (WINDOWS, len(DEVICES))
    shift = means[WINDOWS // 2 :].mean() - means[: WINDOWS // 2].mean()
    assert shift.idxmax() == "turbine-3"
    assert shift.max() == pytest.approx(FAULT_DEGREES, abs=0.5)


@pytest.mark.parametrize(
    "since", [START_MS + HOUR_MS, "2026-01-01T01:00", "2026-01-01T02:00+01:00", START.replace(hour=1)]
)
def test_a_time_is_taken_as_people_write_it(fleet: FleetClient, since: Any) -> None:
    frame = fleet.windows("power", devices=["turbine-1"], features=["wind"], since=since, until="2026-01-01 03:00")
    assert frame["window_start"].dt.hour.tolist() == [1, 2]


def test_histograms_have_a_row_for_each_bin(fleet: FleetClient) -> None:
    frame = fleet.histograms("power", devices=["turbine-1"], features=["wind"], version="1")
    assert set(frame.groupby("window_start")["count"].sum()) == {ROWS}


def test_the_same_as_arrow(fleet: FleetClient, seeded_server: RunningServer) -> None:
    with FleetClient(seeded_server.url, seeded_server.admin_token, seeded_server.ca, frames="arrow") as arrow:
        table = arrow.windows("power", features=["wind"])
    assert isinstance(table, pa.Table)
    pd.testing.assert_frame_equal(table.to_pandas(), fleet.windows("power", features=["wind"]))


def test_two_versions_are_compared_stream_by_stream(fleet: FleetClient) -> None:
    half = datetime.fromtimestamp((START_MS + WINDOWS // 2 * HOUR_MS) / 1000, UTC)
    sides = {"version": "1", "since": half}, {"version": "2", "device": ["turbine-4"]}
    frame = fleet.compare("power", *sides).set_index("stream")
    assert frame.loc["power", "mean_b"] / frame.loc["power", "mean_a"] == pytest.approx(GAIN["2"], abs=0.1)
    assert abs(frame.loc["wind", "mean_shift_sd"]) < 0.2
    with pytest.raises(ClientError, match="no 'versoin'"):
        fleet.compare("power", {"versoin": "1"}, {})


def test_verdicts_are_a_row_for_each_device_and_comparison(fleet: FleetClient) -> None:
    frame = judged(fleet)
    assert set(frame["device_id"]) == set(DEVICES)
    assert set(frame["comparison"]) >= {"training", "peers"}
    assert set(frame["verdict"]) <= {"stable", "drift", "learning", "no_data"}
    assert str(frame["since"].dtype) == "datetime64[ms, UTC]"
    assert "evidence" not in frame


def judged(fleet: FleetClient) -> pd.DataFrame:
    """Wait until the server has judged the windows of all devices."""
    while len(frame := fleet.verdicts()) == 0 or frame["device_id"].nunique() < len(DEVICES):
        time.sleep(0.2)
    return frame


def test_lists_become_frames_with_times(fleet: FleetClient) -> None:
    devices = fleet.devices().set_index("device_id")
    assert tuple(devices.index) == DEVICES
    assert devices["enrolled"].unique().tolist() == [pd.Timestamp(START)]
    assert "power" in set(fleet.models()["name"])


@pytest.fixture(scope="module")
def idle(seeded_server: RunningServer) -> str:
    """A model that no device has."""
    answer = seeded_server.post("/api/v1/models", json={"name": "idle", "public_keys": ["00" * 32]})
    assert answer.status_code == 201, answer.text
    return "idle"


@pytest.mark.parametrize(
    "method", ["windows", "histograms", "reports", "drift", "performance", "verdicts", "verdict_changes"]
)
def test_a_frame_without_rows_has_the_columns_of_a_full_one(fleet: FleetClient, idle: str, method: str) -> None:
    while len(full := getattr(fleet, method)("power")) == 0:
        time.sleep(0.2)
    empty = getattr(fleet, method)(idle)
    assert len(empty) == 0
    pd.testing.assert_series_equal(empty.dtypes, full.dtypes)


def test_a_sign_off_without_findings_has_the_columns_of_one_with(fleet: FleetClient) -> None:
    judged(fleet)
    while len(full := fleet.sign_off("power", against="training")) == 0:
        time.sleep(0.2)
    empty = fleet.sign_off("power", against="training", at=START.replace(hour=5))
    assert len(empty) == 0
    pd.testing.assert_series_equal(empty.dtypes, full.dtypes)


def test_what_the_server_refuses_is_said_in_its_own_words(fleet: FleetClient) -> None:
    with pytest.raises(RefusedError, match="has no stream 'wnid'") as caught:
        fleet.windows("power", features=["wnid"])
    assert (caught.value.status, caught.value.code) == (404, "not_found")


def test_a_wrong_address_token_or_ca_is_one_clear_line(seeded_server: RunningServer, tmp_path: Path) -> None:
    token, ca = seeded_server.admin_token, seeded_server.ca
    with pytest.raises(ClientError, match="not an https address"):
        FleetClient("http://127.0.0.1", token, ca)
    with pytest.raises(ClientError, match="'polars' is no kind of frame"):
        FleetClient("https://127.0.0.1:1", "token", frames="polars")  # type: ignore[arg-type]  # as users write
    with pytest.raises(ClientError, match="cannot read the CA"):
        FleetClient(seeded_server.url, token, tmp_path / "none.crt")
    with FleetClient(seeded_server.url, token) as client, pytest.raises(UnreachableError, match="not signed"):
        client.models()
    with FleetClient(f"https://127.0.0.1:{free_port()}", token, ca) as client, pytest.raises(UnreachableError):
        client.models()
    with FleetClient(seeded_server.url, "wrong", ca) as client, pytest.raises(RefusedError, match="token"):
        client.models()


def test_a_time_that_is_none_is_refused(fleet: FleetClient) -> None:
    with pytest.raises(ClientError, match="'yesterday' is no time"):
        fleet.windows("power", since="yesterday")


def test_the_client_imports_nothing_of_the_server() -> None:
    program = "import sys, fleet_server.client; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    own = {name for name in run.stdout.split() if name.startswith(("fleet_server.", "device_contract"))}
    assert all(name.startswith("fleet_server.client") for name in own)
    assert {"fastapi", "sqlmodel", "msgspec", "typer"}.isdisjoint(run.stdout.split())
