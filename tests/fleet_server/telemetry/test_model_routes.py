"""A model's windows over many devices, in the whole application."""

import math
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from fleet_server.telemetry.frames import HISTOGRAMS, WINDOWS
from fleet_server.telemetry.report_frames import REPORTS
from tests.fleet_server import seeded_fleet
from tests.fleet_server.conftest import SharedServer
from tests.fleet_server.seeded_fleet import DEVICES, FAULT_DEGREES, HOUR_MS, ROWS, START_MS

COUNT = 6
PATH = "/api/v1/models/power/windows"


@pytest.fixture(scope="module")
def fleet(shared: SharedServer) -> Any:
    seeded_fleet.seed(shared.database_url, windows=COUNT)
    return shared.http


def table(http: Any, path: str = PATH, **parameters: Any) -> pa.Table:
    answer = http.get(path, params={"format": "arrow", **parameters})
    assert answer.status_code == 200, answer.text
    return pa.ipc.open_stream(answer.content).read_all()


def test_a_table_has_a_row_for_each_stream_of_each_window_of_each_device(fleet: Any) -> None:
    found = table(fleet)
    assert found.schema == WINDOWS
    assert len(found) == len(DEVICES) * COUNT * 3
    assert pc.unique(found["stream"]).to_pylist() == ["wind", "temperature", "power"]
    assert pc.unique(found["rows"]).to_pylist() == [ROWS]
    starts = found["window_start"].cast(pa.int64()).to_pylist()
    assert starts == sorted(starts)


def test_it_shows_the_broken_thermometer(fleet: Any) -> None:
    found = table(fleet, device="turbine-3", feature="temperature")
    half = pa.scalar(START_MS + COUNT // 2 * HOUR_MS, WINDOWS.field("window_start").type)
    before = found.filter(pc.less(found["window_start"], half))
    after = found.filter(pc.greater_equal(found["window_start"], half))
    assert (len(before), len(after)) == (3, 3)
    assert pc.mean(after["mean"]).as_py() - pc.mean(before["mean"]).as_py() == pytest.approx(FAULT_DEGREES, abs=1.5)


@pytest.mark.parametrize(
    ("narrowed", "rows"),
    [
        ({"device": ["turbine-1", "turbine-2"]}, 2 * COUNT * 3),
        ({"feature": ["wind", "power"]}, len(DEVICES) * COUNT * 2),
        ({"version": "2"}, COUNT // 2 * 3),
        ({"since_ms": START_MS + HOUR_MS, "until_ms": START_MS + 2 * HOUR_MS}, len(DEVICES) * 3),
        ({"since_ms": 2**53}, 0),
    ],
)
def test_a_request_may_narrow_it(fleet: Any, narrowed: dict[str, Any], rows: int) -> None:
    assert len(table(fleet, **narrowed)) == rows
    assert len(fleet.get(PATH, params={"format": "csv", **narrowed}).text.splitlines()) == rows + 1


def test_the_bins_of_a_histogram_add_up_and_stand_beside_training(fleet: Any) -> None:
    found = table(fleet, "/api/v1/models/power/histograms", device="turbine-1", feature="wind")
    assert found.schema == HISTOGRAMS
    window = found.slice(0, len(found) // COUNT).to_pydict()
    assert sum(window["count"]) == ROWS
    assert sum(window["share"]) == pytest.approx(1.0)
    assert sum(window["training_share"]) == pytest.approx(1.0)
    assert window["bin"] == list(range(len(window["bin"])))
    assert (window["lower"][0], window["upper"][-1]) == (-math.inf, math.inf)
    assert window["upper"][:-1] == window["lower"][1:]


def test_a_report_is_a_row_with_what_the_application_observed(fleet: Any) -> None:
    found = table(fleet, "/api/v1/models/power/reports", device="turbine-1")
    assert found.schema == REPORTS
    assert len(found) == COUNT
    first = found.slice(0, 1).to_pylist()[0]
    assert (first["rows"], first["explained_rows"]) == (ROWS, 0)
    assert first["t2_mean"] > 0.0
    metric = {"name": "restarts", "count": 2, "mean": 1.5, "standard_deviation": 0.5, "minimum": 1.0, "maximum": 2.0}
    assert first["metrics"] == [metric]


def test_json_comes_in_pages_in_the_same_order(fleet: Any) -> None:
    first = fleet.get(PATH, params={"limit": 5, "feature": "wind"}).json()
    rest = fleet.get(PATH, params={"limit": 500, "feature": "wind", "cursor": first["next_cursor"]}).json()
    items = first["items"] + rest["items"]
    assert rest["next_cursor"] is None
    expected = table(fleet, feature="wind")
    assert [item["device_id"] for item in items] == expected["device_id"].to_pylist()
    assert items[0]["metrics"][0]["name"] == "restarts"
    assert [item["streams"][0]["mean"] for item in items] == expected["mean"].to_pylist()


@pytest.mark.parametrize(
    ("path", "parameters", "status"),
    [
        ("/api/v1/models/nothing/windows", {}, 404),
        (PATH, {"version": "9"}, 404),
        (PATH, {"device": "nobody"}, 404),
        (PATH, {"feature": "wnid"}, 404),
        (PATH, {"device": "no name"}, 422),
        (PATH, {"since_ms": -1}, 422),
        (PATH, {"cursor": "1"}, 422),
        (PATH, {"format": "xml"}, 422),
        ("/api/v1/models/power/histograms", {}, 406),
        ("/api/v1/models/power/reports", {}, 406),
    ],
)
def test_a_wrong_name_is_a_problem_and_no_empty_history(
    fleet: Any, path: str, parameters: dict[str, Any], status: int
) -> None:
    answer = fleet.get(path, params=parameters)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
