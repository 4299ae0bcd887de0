"""Labels and performance as frames."""

import time
from collections.abc import Iterator

import pandas as pd
import pytest

from fleet_server.client import FleetClient
from tests.fleet_server.commands.running_server import RunningServer
from tests.fleet_server.seeded_fleet import START_MS

pytestmark = pytest.mark.slow

LABELS = 30
ERROR_KW = 5.0


@pytest.fixture(scope="module")
def fleet(seeded_server: RunningServer) -> Iterator[FleetClient]:
    with FleetClient(seeded_server.url, seeded_server.admin_token, seeded_server.ca) as client:
        yield client


@pytest.fixture(scope="module")
def labels(seeded_server: RunningServer) -> pd.DataFrame:
    """What turbine-1 gave in its first minutes, half an error more and half an error less than was predicted."""
    frame = pd.DataFrame(
        {"time_ms": START_MS + 60_000 * pd.RangeIndex(LABELS), "device_id": "turbine-1", "version": "1"}
    )
    frame["prediction"] = 100.0
    frame["label"] = frame["prediction"] + [ERROR_KW if index % 2 else -ERROR_KW for index in range(LABELS)]
    answer = seeded_server.post("/api/v1/models/power/feedback", json=frame.to_dict("records"))
    assert answer.status_code == 200, answer.text
    return frame


def test_labels_come_back_as_they_were_given(fleet: FleetClient, labels: pd.DataFrame) -> None:
    frame = fleet.feedback("power", device="turbine-1", until="2026-01-02")
    assert frame["label"].astype(float).tolist() == labels["label"].tolist()
    assert frame["time"].iloc[0] == pd.Timestamp(START_MS, unit="ms", tz="UTC")


def test_performance_is_a_row_for_each_figure(fleet: FleetClient, labels: pd.DataFrame) -> None:
    while (figures := fleet.performance("power", by="version").set_index(["version", "figure"])).empty:
        time.sleep(0.2)
    error = figures.loc[("1", "mean_absolute_error")]
    assert error["labelled"] == len(labels)
    assert error["value"] == pytest.approx(ERROR_KW)
    assert error["low"] <= error["value"] <= error["high"]
