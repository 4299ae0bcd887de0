"""Comparisons over HTTP, in the whole application."""

from typing import Any

import pyarrow as pa
import pytest

from fleet_server.comparisons.frames import COMPARISON
from tests.fleet_server import seeded_fleet
from tests.fleet_server.conftest import SharedServer
from tests.fleet_server.seeded_fleet import FAULT_DEGREES, HOUR_MS, ROWS, START_MS

COUNT = 12
HALF_MS = START_MS + COUNT // 2 * HOUR_MS
PATH = "/api/v1/models/power/comparison"


@pytest.fixture(scope="module")
def fleet(shared: SharedServer) -> Any:
    seeded_fleet.seed(shared.database_url, windows=COUNT)
    return shared.http


def compared(fleet: Any, **sides: Any) -> dict[str, Any]:
    answer = fleet.get(PATH, params=sides)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def stream(comparison: dict[str, Any], name: str) -> dict[str, Any]:
    return next(found for found in comparison["streams"] if found["name"] == name)


@pytest.mark.slow
def test_two_periods_show_the_broken_thermometer(fleet: Any) -> None:
    found = compared(fleet, a_device="turbine-3", a_until_ms=HALF_MS, b_device="turbine-3", b_since_ms=HALF_MS)
    assert (found["windows_a"], found["windows_b"], found["rows_a"]) == (COUNT // 2, COUNT // 2, COUNT // 2 * ROWS)
    temperature = stream(found, "temperature")["difference"]
    assert temperature["mean_shift"] == pytest.approx(FAULT_DEGREES, abs=1.0)
    assert temperature["wasserstein_distance"] == pytest.approx(temperature["mean_shift"], rel=0.1)
    assert abs(stream(found, "wind")["difference"]["mean_shift_sd"]) < 0.2


def test_two_versions_differ_in_their_output(fleet: Any) -> None:
    narrowed = {f"{side}_since_ms": HALF_MS for side in "ab"}
    found = compared(fleet, a_version="1", b_version="2", **narrowed)
    assert (found["windows_a"], found["windows_b"]) == (3 * COUNT // 2, COUNT // 2)
    wind, power = stream(found, "wind"), stream(found, "power")
    assert wind["difference"]["bins"] == len(wind["a"]["edges"]) + 1  # trained on the same wind
    assert power["difference"]["bins"] < len(power["a"]["edges"])  # each has bins of its own outputs
    assert power["difference"]["wasserstein_distance"] > 0.0
    assert sum(power["a"]["counts"]) == power["a"]["finite"] == 3 * COUNT // 2 * ROWS


def test_as_a_table_each_stream_is_a_row(fleet: Any) -> None:
    sides = {"a_device": "turbine-1", "b_device": "turbine-2"}
    table = pa.ipc.open_stream(fleet.get(PATH, params={"format": "arrow", **sides}).content).read_all()
    found = compared(fleet, **sides)
    assert table.schema == COMPARISON
    assert table["stream"].to_pylist() == [one["name"] for one in found["streams"]]
    assert table["p50_b"].to_pylist() == [one["b"]["quantiles"]["p50"] for one in found["streams"]]
    assert table["mean_shift_sd"].to_pylist() == [one["difference"]["mean_shift_sd"] for one in found["streams"]]


@pytest.mark.parametrize(
    ("sides", "status", "code"),
    [
        ({"a_device": "nobody"}, 404, "not_found"),
        ({"b_version": "9"}, 404, "not_found"),
        ({"b_since_ms": 2**52}, 404, "no_windows"),
        ({"a_since_ms": -1}, 422, "invalid_request"),
    ],
)
def test_a_side_that_is_not_there_is_a_problem(fleet: Any, sides: dict[str, Any], status: int, code: str) -> None:
    answer = fleet.get(PATH, params=sides)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
