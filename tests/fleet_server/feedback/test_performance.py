"""Performance by version, device, segment and window, as JSON and as tables; limits of custom metrics."""

import io
import sys
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pytest
from sklearn.metrics import roc_auc_score

from device_contract.sketches.metrics import MetricSketch
from fleet_server.feedback.business import Limits, MetricSums, judge
from fleet_server.feedback.selection import Selection
from fleet_server.feedback.units import MAX_UNITS, Source, Units
from tests.fleet_server.feedback.plant import HOUR_MS, START_MS, Plant, at, figures, labelled, sketch, yes

ROUTE = "/api/v1/models/failure/performance"


@pytest.fixture
def running(plant: Plant) -> Plant:
    """Three mills over two hours; the one in the south is wrong every other time."""
    for device_id in ("mill-1", "mill-2", "mill-3"):
        for hour in (0, 1):
            plant.report(device_id, "failure", hour)
            right = [labelled(10 * hour + row, "yes", yes(0.9), hour=hour + 0.5) for row in range(1, 5)]
            wrong = [labelled(10 * hour + row, "no", yes(0.6), hour=hour + 0.5) for row in range(5, 9)]
            plant.send(device_id, "failure", right + (wrong if device_id == "mill-3" else []))
    return plant


def accuracies(http: Any, *names: str, **query: Any) -> dict[Any, float]:
    items = http.get(ROUTE, params=query).json()["items"]
    return {tuple(item[name] for name in names): item["figures"]["accuracy"]["value"] for item in items}


@pytest.mark.usefixtures("running")
def test_each_grouping_tells_where_the_model_is_wrong(http: Any) -> None:
    assert accuracies(http, "version") == {("1",): pytest.approx(24 / 32)}
    assert accuracies(http, "device_id", by="device") == {("mill-1",): 1.0, ("mill-2",): 1.0, ("mill-3",): 0.5}
    assert accuracies(http, "segment", by="segment", label="site") == {("north",): 1.0, ("south",): 0.5}
    hours = {(at(hour), at(hour + 1)): pytest.approx(0.75) for hour in (0, 1)}
    assert accuracies(http, "window_start_ms", "window_end_ms", by="window") == hours
    assert accuracies(http, "device_id", device_id="mill-3") == {(None,): 0.5}
    assert accuracies(http, "device_id", since_ms=at(2)) == {}


def test_of_many_windows_those_of_the_same_few_devices_stand_for_all(running: Plant) -> None:
    performance = running.room.performance

    def devices(most_windows: int, *, is_labelled: bool = False) -> set[str]:
        selection = Selection(model="failure", is_labelled=is_labelled)
        (found,) = performance.by_version(selection, most_windows=most_windows)
        assert found.group.windows == 2 * len(found.group.devices)
        return found.group.devices

    one, two = devices(2), devices(3)
    assert (len(one), len(two), len(devices(6))) == (1, 2, 3)
    assert one < two
    running.report("mill-1", "failure", 7)  # nobody has told of it
    assert devices(6, is_labelled=True) == {"mill-1", "mill-2", "mill-3"}


@pytest.mark.usefixtures("running")
@pytest.mark.parametrize("by", ["device", "window"])
def test_devices_and_windows_come_in_pages(http: Any, by: str) -> None:
    pages, cursor = [], None
    while not pages or cursor is not None:
        page = http.get(ROUTE, params={"by": by, "limit": 1} | ({"cursor": cursor} if cursor else {})).json()
        pages.append(page["items"])
        cursor = page["next_cursor"]
    everything = http.get(ROUTE, params={"by": by}).json()["items"]
    assert [item for page in pages for item in page] == everything
    assert all(len(page) == 1 for page in pages)


@pytest.mark.usefixtures("running")
def test_tables_have_a_row_for_each_figure(http: Any) -> None:
    arrow = http.get(ROUTE, params={"by": "device", "format": "arrow"}).content
    table = pa.ipc.open_stream(arrow).read_all()
    found = {(row["device_id"], row["figure"]): row["value"] for row in table.to_pylist() if row["source"] == "labels"}
    assert found["mill-3", "accuracy"] == 0.5
    read = pyarrow.csv.read_csv(io.BytesIO(http.get(ROUTE, params={"by": "device", "format": "csv"}).content))
    assert read["figure"].to_pylist() == table["figure"].to_pylist()


@pytest.mark.usefixtures("running")
def test_a_version_is_shown_in_detail(http: Any) -> None:
    report = http.get("/api/v1/models/failure/versions/1/performance").json()
    assert (report["labels"], report["confusion"]) == (["no", "yes"], [[0.0, 8.0], [0.0, 24.0]])
    assert (report["classes"][1]["recall"]["value"], report["classes"][1]["precision"]["value"]) == (1.0, 0.75)
    truth, scores = [0] * 8 + [1] * 24, [0.6] * 8 + [0.9] * 24
    assert report["classes"][1]["auc"]["value"] == roc_auc_score(truth, scores)
    assert report["curves"][0]["label"] == "yes"
    assert report["calibration"] == [[pytest.approx(0.6), 0.0, 8.0], [pytest.approx(0.9), 1.0, 24.0]]
    assert http.get("/api/v1/models/failure/versions/9/performance").status_code == 404


def test_many_classes_numbers_and_no_labels_have_no_detail(plant: Plant, http: Any) -> None:
    plant.report("mill-1", "power", 0)
    assert http.get("/api/v1/models/power/versions/1/performance").json()["unit"] == "kW"
    assert http.get("/api/v1/models/failure/versions/1/performance").json()["confusion"] == []
    assert http.get(ROUTE).json()["items"] == []


def test_scores_tell_what_labels_would_unless_inputs_are_beyond_the_reference(plant: Plant, http: Any) -> None:
    plant.report("mill-1", "failure", 0, scores=(50, 0, 0, 50))
    expected = figures(http, "failure")["expected"]
    assert (expected["figures"]["accuracy"]["value"], expected["reason"]) == (pytest.approx(0.9), "")
    assert "only while the concept holds" in expected["meaning"]
    plant.report("mill-1", "failure", 1, scores=(50, 0, 0, 50), beyond=5)
    beyond = figures(http, "failure")["expected"]
    assert (beyond["figures"], beyond["reason"]) == ({}, "beyond_reference")


def test_a_wrong_request_is_a_problem(plant: Plant, http: Any) -> None:
    assert plant.room
    for path, status in {
        "?by=segment": 422,
        "?by=moon": 422,
        "?by=window&cursor=x": 422,
        "?version=A%00": 422,
        "?since_ms=-1": 422,
        "?format=xml": 422,
    }.items():
        answer = http.get(ROUTE + path)
        assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), path
    assert http.get("/api/v1/models/nothing/performance").status_code == 404


def test_pages_of_one_window_reach_the_end_though_the_first_starts_in_1970(plant: Plant, http: Any) -> None:
    for hour in (-START_MS // HOUR_MS, 0):
        plant.report("mill-1", "failure", hour)
    first = http.get(ROUTE, params={"by": "window", "limit": 1}).json()
    assert [item["window_start_ms"] for item in first["items"]] == [0]
    second = http.get(ROUTE, params={"by": "window", "limit": 1, "cursor": first["next_cursor"]}).json()
    assert [item["window_start_ms"] for item in second["items"]] == [at(0)]
    assert second["next_cursor"] is None


def test_custom_metrics_are_held_to_their_limits(plant: Plant, http: Any) -> None:
    limits = "/api/v1/models/failure/metric-limits"
    for hour in range(12):
        plant.report("mill-1", "failure", hour, metrics={"yield": [0.8, 0.9], "scrap": [1.0 + hour, 2.0]})
    assert http.request("PUT", f"{limits}/yield", json={"below": 0.8, "minimum_count": 20}).status_code == 200
    assert http.request("PUT", f"{limits}/scrap", json={"above": 3.0}).status_code == 200
    found = figures(http, "failure")["metrics"]
    assert (found["yield"]["state"], found["yield"]["mean"]["value"]) == ("ok", pytest.approx(0.85))
    assert (found["scrap"]["state"], found["scrap"]["interval_rests_on"]) == ("above", "windows")
    assert figures(http, "failure", until_ms=at(1))["metrics"]["yield"]["state"] == "too_few"
    assert [item["metric"] for item in http.get(limits).json()["items"]] == ["scrap", "yield"]
    assert http.request("DELETE", f"{limits}/scrap").status_code == 204
    assert http.request("DELETE", f"{limits}/scrap").status_code == 404
    assert figures(http, "failure")["metrics"]["scrap"]["state"] == "no_limits"
    for wrong in ({}, {"below": 2.0, "above": 1.0}, {"below": "low"}, {"minimum_count": 0, "below": 1.0}):
        assert http.request("PUT", f"{limits}/yield", json=wrong).status_code == 422


def test_the_mean_of_a_metric_is_numpys() -> None:
    values = np.random.default_rng(3).gamma(2.0, size=(30, 40))
    sums = MetricSums()
    for number, part in enumerate(values):
        sums.add(Source(f"device-{number}", 0, 1), sketch(part))
    found = sums.figures()
    assert found is not None
    assert (found.count, found.mean.value) == (1200, pytest.approx(values.mean()))
    assert (found.minimum, found.maximum, found.unit) == (values.min(), values.max(), "devices")
    half = 1.96 * values.std() / np.sqrt(1200)
    assert 0.95 * half < found.mean.high - found.mean.value < 1.6 * half
    assert judge(found, Limits(below=found.mean.value)) == "ok"


@pytest.mark.parametrize(
    "told",
    [
        sketch([1e300]),
        MetricSketch(count=1, sum=1e200, sum_squares=sys.float_info.max, minimum=1e200, maximum=1e200),
        MetricSketch(count=1, sum=1e200, sum_squares=0.0, minimum=0.0, maximum=0.0),
        MetricSketch(),
    ],
)
def test_values_that_are_too_large_to_add_up_have_no_mean(told: MetricSketch) -> None:
    sums = MetricSums()
    sums.add(Source("device", 0, 1), told)
    assert sums.figures() is None


def test_devices_whose_values_are_as_large_as_can_be_have_a_mean() -> None:
    sums = MetricSums()
    for number in range(20):
        sums.add(Source(f"device-{number}", 0, 1), sketch([1e149 * (-1) ** number]))
    found = sums.figures()
    assert found is not None
    assert np.isfinite([found.mean.value, found.mean.low, found.mean.high]).all()


@pytest.mark.parametrize(("devices", "windows", "unit"), [(9, 1, "rows"), (9, 2, "windows"), (20, 1, "devices")])
def test_intervals_rest_on_what_there_is_enough_of(devices: int, windows: int, unit: str) -> None:
    units = Units(1)
    for device in range(devices):
        for window in range(windows):
            for vector in units.of(Source(f"device-{device}", window, window + 1)):
                vector[:] = vector + 1.0
    stacked = units.stack()
    assert (units.unit, stacked.sum()) == (unit, devices * windows)
    assert len(stacked) <= MAX_UNITS
