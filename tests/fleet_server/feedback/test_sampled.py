"""Labels whose predictions are found among the rows that devices sampled."""

from typing import Any

import pytest

from tests.fleet_server.feedback.plant import Plant, at, figures, labelled, sampled

POLICY = {"labels": {}, "rows_per_window": 10}


@pytest.fixture
def allowed(plant: Plant, http: Any) -> Plant:
    assert http.request("PUT", "/api/v1/sampling-policies/all", json=POLICY).status_code == 200
    plant.report("mill-1", "failure", 0)
    return plant


def test_a_label_finds_its_prediction_by_row_or_by_time(allowed: Plant, http: Any) -> None:
    allowed.sample("mill-1", 0, sampled(5, 0.9, 0.25), sampled(6, 0.2, 0.75))
    allowed.send("mill-1", "failure", [labelled(5, "yes", hour=None), labelled(None, "yes", hour=0.75)])
    found = figures(http, "failure")
    assert (found["labelled"], found["figures"]["accuracy"]["value"]) == (2, 0.5)
    (first, _) = http.get("/api/v1/models/failure/feedback").json()["items"]
    assert (first["row"], first["time_ms"], first["prediction"]) == (5, at(0.25), "yes")


def test_a_label_that_comes_before_its_sample_waits_for_it(allowed: Plant, http: Any) -> None:
    allowed.send("mill-1", "failure", [labelled(5, "yes", hour=None), labelled(6, "no", hour=0.75)])
    waiting = [item["reason"] for item in http.get("/api/v1/models/failure/feedback").json()["items"]]
    assert waiting == ["no_time", "no_prediction"]
    allowed.sample("mill-2", 0, sampled(5, 0.9), sampled(6, 0.2))
    assert figures(http, "failure")["labelled"] == 0
    allowed.sample("mill-1", 0, sampled(5, 0.9, 0.25), sampled(6, 0.2, 0.75))
    found = figures(http, "failure")
    assert (found["labelled"], found["figures"]["accuracy"]["value"]) == (2, 1.0)


def test_rows_that_were_not_sampled_stay_waiting(allowed: Plant, http: Any) -> None:
    allowed.sample("mill-1", 0, sampled(5, 0.9), sampled(7, 0.9))
    allowed.send("mill-1", "failure", [labelled(6, "yes", hour=0.5), labelled(99, "yes", hour=None)])
    items = http.get("/api/v1/models/failure/feedback").json()["items"]
    assert [(item["row"], item["reason"]) for item in items] == [(6, "no_prediction"), (99, "no_time")]


def test_a_sample_finds_its_label_behind_hundreds_that_wait_for_theirs(allowed: Plant, http: Any) -> None:
    for first in (1, 513):
        rows = range(first, first + 512)
        allowed.send("mill-1", "failure", [labelled(row, "yes", hour=None) for row in rows])
    allowed.sample("mill-1", 0, sampled(5, 0.9, 0.25), sampled(9, 0.2, 0.75))
    assert figures(http, "failure")["labelled"] == 2


def test_a_sample_without_rows_is_refused_alone(allowed: Plant, http: Any) -> None:
    allowed.send("mill-1", "failure", [labelled(5, "yes", hour=None)])
    allowed.sample("mill-1", 0)
    assert figures(http, "failure")["labelled"] == 0
