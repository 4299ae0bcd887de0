"""What came long ago is forgotten, and the label that comes too late is told so, on both databases."""

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from sqlmodel import select

from fleet_server.app import FleetServer
from fleet_server.feedback.tables import LabelRow, TruthWindowRow
from fleet_server.settings import DataFolder, read_settings
from tests.fleet_server.conftest import ManualClock
from tests.fleet_server.feedback.plant import HOUR_MS, START_MS, Plant, at, figures, labelled, yes

DAY_S = 86_400
KEPT_DAYS = 10
ROUTE = "/api/v1/models/failure/feedback"


@pytest.fixture
def server(folder: DataFolder, clock: ManualClock) -> Iterator[FleetServer]:
    """A server that keeps what is asked of it here."""
    settings = msgspec.structs.replace(read_settings(folder), feedback_days=KEPT_DAYS)
    built = FleetServer(folder, settings, clock)
    yield built
    built.close()


def prune(plant: Plant) -> None:
    plant.server._steps()["labels"]()


def kept(plant: Plant) -> tuple[list[int], list[str]]:
    """Return the hours whose windows are there, and the keys of the labels."""
    with plant.database.reading() as session:
        windows = session.exec(select(TruthWindowRow.start_ms)).all()
        return sorted((start_ms - START_MS) // HOUR_MS for start_ms in windows), sorted(
            session.exec(select(LabelRow.key)).all()
        )


def two_ages(plant: Plant, clock: ManualClock) -> None:
    """Hour 0 with its labels and one that waits; and hour 1, a day younger than is kept."""
    plant.report("mill-1", "failure", 0)
    plant.send("mill-1", "failure", [labelled(1, "yes", yes(0.9)), labelled(2, "yes", yes(0.4))])
    plant.send("mill-1", "failure", [labelled(3, "yes", yes(0.9), hour=20)])
    clock.advance((KEPT_DAYS - 1) * DAY_S)
    plant.report("mill-1", "failure", 1)
    plant.send("mill-1", "failure", [labelled(4, "yes", yes(0.9), hour=1.5)])
    clock.advance(1.5 * DAY_S)


def test_windows_go_with_their_labels_by_the_age_of_their_arrival(plant: Plant, http: Any, clock: ManualClock) -> None:
    two_ages(plant, clock)
    assert kept(plant) == ([0, 1], ["r1", "r2", "r3", "r4"])
    prune(plant)
    assert kept(plant) == ([1], ["r4"])
    found = figures(http, "failure")
    assert (found["windows"], found["labelled"], found["figures"]["accuracy"]["value"]) == (1, 1, 1.0)


def test_a_label_that_waited_in_vain_is_counted_as_refused(plant: Plant, http: Any, clock: ManualClock) -> None:
    two_ages(plant, clock)
    prune(plant)
    (refused,) = http.get(f"{ROUTE}/refusals").json()["items"]
    assert (refused["device_id"], refused["reason"], refused["labels"]) == ("mill-1", "waited_too_long", 1)
    assert refused["detail"] == "no_window: r3 of 1"
    prune(plant)
    assert http.get(f"{ROUTE}/refusals").json()["items"] == [refused]


def test_a_label_for_a_forgotten_window_is_told_so_and_goes_in_time(
    plant: Plant, http: Any, clock: ManualClock
) -> None:
    two_ages(plant, clock)
    prune(plant)
    late = {"device_id": "mill-1", "time_ms": at(0.5), "label": "yes", "prediction": "yes"}
    unversioned, known = late, late | {"version": "1"}
    answer = http.post(ROUTE, json=[unversioned, known]).json()
    assert [(each["reason"], each["labels"]) for each in answer["waiting"]] == [("window_forgotten", 1)]
    assert [(each["reason"], each["rows"]) for each in answer["refused"]] == [("window_forgotten", 1)]
    assert "feedback_days" in answer["waiting"][0]["meaning"]
    assert kept(plant) == ([1], ["r4", f"t{at(0.5)}"])
    clock.advance((KEPT_DAYS + 1) * DAY_S)
    prune(plant)
    assert kept(plant) == ([], [])
    counted = {each["reason"]: each["labels"] for each in http.get(f"{ROUTE}/refusals").json()["items"]}
    assert counted == {"waited_too_long": 2, "window_forgotten": 1}


def test_a_window_that_comes_after_younger_ones_are_forgotten_counts(
    plant: Plant, http: Any, clock: ManualClock
) -> None:
    plant.report("mill-1", "failure", 5)
    clock.advance((KEPT_DAYS + 1) * DAY_S)
    prune(plant)
    plant.send("mill-1", "failure", [labelled(1, "yes", yes(0.9), hour=2.5)])
    plant.report("mill-1", "failure", 2)  # the device had kept it all that time
    assert (figures(http, "failure")["windows"], figures(http, "failure")["labelled"]) == (1, 1)


def test_more_than_a_batch_goes_at_once(plant: Plant, clock: ManualClock) -> None:
    waiting = [labelled(row, "yes", yes(0.9), hour=-2) for row in range(1, 1002)]
    plant.send("mill-1", "failure", waiting)
    clock.advance((KEPT_DAYS + 1) * DAY_S)
    prune(plant)
    assert kept(plant) == ([], [])
