"""Alerts over what labels, scores and custom metrics say of a device's windows."""

from typing import Any

import pytest

from fleet_server.alerts.window_signals import MIN_LABELS
from fleet_server.app import FleetServer
from tests.fleet_server.feedback.plant import Plant, labelled, yes

RULES = [
    {"name": "accuracy", "signal": "device_performance.accuracy", "below": 0.8, "windows": 2},
    {"name": "expected", "signal": "device_expected.accuracy", "below": 0.5},
    {"name": "yield", "signal": "device_metric.yield", "below": 0.5},
]


@pytest.fixture
def plant(server: FleetServer, http: Any) -> Plant:
    made = Plant(server)
    made.enrol("mill-1")
    answer = http.post("/api/v1/alert-rules", json={"rules": RULES})
    assert answer.status_code == 200, answer.text
    return made


def told(plant: Plant, http: Any) -> list[tuple[str, str]]:
    plant.server.rooms.alerts.service.step()
    return sorted((item["rule"], item["state"]) for item in http.get("/api/v1/alerts").json()["items"])


def test_labels_that_say_the_model_is_wrong_open_an_alert_after_two_windows(plant: Plant, http: Any) -> None:
    def label(hour: int, first: int, label: str) -> None:
        rows = range(first, first + MIN_LABELS)
        plant.send("mill-1", "failure", [labelled(row, label, yes(0.9), hour=hour + 0.5) for row in rows])

    plant.report("mill-1", "failure", 0)
    plant.report("mill-1", "failure", 1)
    label(0, 1, "no")
    label(0, 1, "no")
    assert told(plant, http) == []
    label(1, 100, "no")
    assert told(plant, http) == [("accuracy", "open")]
    label(1, 100, "yes")
    assert told(plant, http) == [("accuracy", "closed")]


def label_few(plant: Plant, hours: range, label: str) -> None:
    """Label four rows of each hour, in which the model says yes: five hours have enough of them together."""
    for hour in hours:
        plant.report("mill-1", "failure", hour)
        rows = [labelled(10 * hour + row, label, yes(0.9), hour=hour + 0.5) for row in range(1, 5)]
        plant.send("mill-1", "failure", rows)
        plant.server.rooms.alerts.service.step()


def test_few_labels_raise_nobody(plant: Plant, http: Any) -> None:
    label_few(plant, range(4), "no")
    assert told(plant, http) == []


def test_few_labels_in_each_window_tell_together(plant: Plant, http: Any) -> None:
    label_few(plant, range(5), "no")
    assert told(plant, http) == []  # the rule asks for two windows in a row
    label_few(plant, range(5, 6), "no")
    assert told(plant, http) == [("accuracy", "open")]
    label_few(plant, range(6, 9), "yes")
    assert told(plant, http) == [("accuracy", "open")]
    label_few(plant, range(9, 10), "yes")
    assert told(plant, http) == [("accuracy", "closed")]  # 16 of the last 20 were right


def test_late_labels_of_an_older_window_leave_the_alert_of_the_latest_open(plant: Plant, http: Any) -> None:
    label_few(plant, range(5, 11), "no")
    assert told(plant, http) == [("accuracy", "open")]
    plant.report("mill-1", "failure", 0)
    plant.send("mill-1", "failure", [labelled(row, "yes", yes(0.9), hour=0.5) for row in range(1, MIN_LABELS + 1)])
    assert told(plant, http) == [("accuracy", "open")]


def test_a_window_without_labels_is_not_judged_by_those_before_it(plant: Plant, http: Any) -> None:
    label_few(plant, range(5), "no")
    plant.report("mill-1", "failure", 5)
    assert told(plant, http) == []


def test_metrics_alarm_by_rules_and_by_their_limits(plant: Plant, http: Any) -> None:
    limits = "/api/v1/models/failure/metric-limits/scrap"
    assert http.request("PUT", limits, json={"above": 1.0, "minimum_count": 2}).status_code == 200
    plant.report("mill-1", "failure", 0, metrics={"yield": [0.4], "scrap": [9.0]})
    assert told(plant, http) == [("yield", "open")]
    plant.report("mill-1", "failure", 1, metrics={"yield": [0.6], "scrap": [9.0, 9.0]})
    assert told(plant, http) == [("business-metrics", "open"), ("yield", "closed")]
    (alert,) = http.get("/api/v1/alerts", params={"state": "open"}).json()["items"]
    assert alert["features"] == ["scrap"]


def test_a_metric_that_float64_cannot_square_stops_no_alert(plant: Plant, http: Any) -> None:
    plant.report("mill-1", "failure", 0, metrics={"spring": [1e200], "yield": [0.4]})
    assert told(plant, http) == [("yield", "open")]
    assert http.get("/api/v1/models/failure/performance").json()["items"][0]["metrics"].keys() == {"yield"}
