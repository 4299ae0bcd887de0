"""Labels into the windows that they belong to: late, repeated, corrected, in any order, on both databases."""

import itertools
import threading
from typing import Any

import pytest
from sqlmodel import select

from device_contract.feedback import LabelledRow
from fleet_server.feedback.tables import LabelRow, TruthWindowRow
from tests.fleet_server.feedback.plant import Plant, at, figures, labelled, yes
from tests.support.messages import BOOT_ID

RIGHT = labelled(1, "yes", yes(0.9))
WRONG = labelled(2, "no", yes(0.8))


def windows(plant: Plant) -> dict[tuple[str, int], TruthWindowRow]:
    with plant.database.reading() as session:
        return {(row.device_id, row.start_ms): row for row in session.exec(select(TruthWindowRow))}


def label_of(plant: Plant, key: str, device_id: str = "mill-1", model: str = "failure") -> LabelRow:
    with plant.database.reading() as session:
        return session.get_one(LabelRow, (device_id, model, "1", key))


def test_labels_are_counted_in_their_window_and_acknowledged(plant: Plant, http: Any) -> None:
    plant.report("mill-1", "failure", 0)
    plant.report("mill-1", "failure", 1)
    (ack,) = plant.send("mill-1", "failure", [RIGHT, WRONG, labelled(3, "yes", yes(0.7), hour=1.5)])
    assert (ack.boot_id, len(ack.sequences)) == (BOOT_ID, 1)
    assert {key: row.labelled for key, row in windows(plant).items()} == {("mill-1", at(0)): 2, ("mill-1", at(1)): 1}
    found = figures(http, "failure")
    assert (found["labelled"], found["rows"], found["figures"]["accuracy"]["value"]) == (3, 200, pytest.approx(2 / 3))


def test_the_same_label_again_changes_nothing(plant: Plant, http: Any) -> None:
    plant.report("mill-1", "failure", 0)
    for _ in range(3):
        plant.send("mill-1", "failure", [RIGHT, RIGHT, WRONG])
    assert figures(http, "failure")["labelled"] == 2
    assert label_of(plant, "r1").corrections == 0


def test_a_correction_leaves_nothing_of_what_it_corrects(plant: Plant, http: Any) -> None:
    plant.report("mill-1", "failure", 0)
    plant.send("mill-1", "failure", [RIGHT, WRONG])
    plant.send("mill-1", "failure", [labelled(2, "yes")])
    found = figures(http, "failure")
    assert (found["labelled"], found["figures"]["accuracy"]["value"]) == (2, 1.0)
    assert (label_of(plant, "r2").corrections, label_of(plant, "r2").prediction) == (1, 1.0)


def test_a_label_whose_time_is_corrected_moves_to_the_other_window(plant: Plant) -> None:
    plant.report("mill-1", "failure", 0)
    plant.report("mill-1", "failure", 1)
    plant.send("mill-1", "failure", [RIGHT])
    plant.send("mill-1", "failure", [labelled(1, "yes", hour=1.5)])
    assert [row.labelled for row in windows(plant).values()] == [0, 1]


def test_a_label_that_comes_before_its_window_waits_for_it(plant: Plant, http: Any) -> None:
    plant.send("mill-1", "failure", [RIGHT])
    assert label_of(plant, "r1").reason == "no_window"
    plant.report("mill-2", "failure", 0)
    assert figures(http, "failure")["labelled"] == 0
    plant.report("mill-1", "failure", 0)
    assert (label_of(plant, "r1").reason, figures(http, "failure")["labelled"]) == ("", 1)


def test_every_order_gives_the_same_sums(plant: Plant) -> None:
    steps = {
        "window": lambda device: plant.report(device, "failure", 0),
        "label": lambda device: plant.send(device, "failure", [labelled(1, "no", yes(0.3))]),
        "other": lambda device: plant.send(
            device, "failure", [labelled(2, "yes", yes(0.6)), labelled(2, "no", yes(0.6))]
        ),
    }
    for number, order in enumerate(itertools.permutations(steps)):
        plant.enrol(f"device-{number}")
        for step in order:
            steps[step](f"device-{number}")
    sums = {row.sums for (device_id, _), row in windows(plant).items()}
    assert len(sums) == 1


def test_a_label_without_a_prediction_waits_for_one(plant: Plant, http: Any) -> None:
    plant.report("mill-1", "failure", 0)
    plant.send("mill-1", "failure", [labelled(1, "yes")])
    assert label_of(plant, "r1").reason == "no_prediction"
    plant.send("mill-1", "failure", [RIGHT])
    assert figures(http, "failure")["labelled"] == 1


def test_labels_are_keyed_by_time_too(plant: Plant, http: Any) -> None:
    plant.report("mill-1", "failure", 0)
    by_time = labelled(None, "yes", yes(0.9))
    plant.send("mill-1", "failure", [by_time])
    plant.send("mill-1", "failure", [by_time])
    assert figures(http, "failure")["labelled"] == 1
    assert label_of(plant, f"t{at(0.5)}").row is None


def test_two_boots_that_report_parts_of_one_window_are_one(plant: Plant, http: Any) -> None:
    plant.report("mill-1", "failure", 0, rows=40, scores=(10, 10, 10, 10), metrics={"yield": [1.0, 3.0]})
    plant.report("mill-1", "failure", 0, rows=60, scores=(15, 15, 15, 15), metrics={"yield": [5.0]})
    plant.send("mill-1", "failure", [RIGHT])
    found = figures(http, "failure")
    assert (found["windows"], found["rows"], found["labelled"]) == (1, 100, 1)
    assert (found["metrics"]["yield"]["count"], found["metrics"]["yield"]["mean"]["value"]) == (3, 3.0)


def test_a_server_that_is_killed_takes_no_window_twice(plant: Plant, http: Any) -> None:
    plant.report("mill-1", "failure", 0)
    plant.take()
    assert plant.room.service.take_windows() == 0
    assert figures(http, "failure")["rows"] == 100


UNUSABLE = [
    (labelled(1, "perhaps", yes(0.9)), "failure", "unknown_class"),
    (labelled(1, 0.5, yes(0.9)), "failure", "unknown_class"),
    (labelled(1, float("nan"), yes(0.9)), "failure", "unknown_class"),
    (labelled(1, "yes", (0.9,)), "failure", "bad_prediction"),
    (labelled(1, "yes", (float("nan"), 0.9)), "failure", "bad_prediction"),
    (labelled(1, "yes", yes(0.9), weight=0.0), "failure", "bad_weight"),
    (labelled(1, "yes", yes(0.9), weight=float("inf")), "failure", "bad_weight"),
    (labelled(1, "yes", yes(0.9), weight=5e-324), "failure", "bad_weight"),
    (labelled(0, "yes", yes(0.9)), "failure", "bad_row"),
    (labelled(None, "yes", yes(0.9), hour=None), "failure", "no_key"),
    (labelled(1, "yes", yes(0.9), hour=100), "failure", "future_time"),
    (labelled(1, "high", [40.0]), "power", "bad_label"),
    (labelled(1, float("inf"), [40.0]), "power", "bad_label"),
    (labelled(1, 1e200, [40.0]), "power", "bad_label"),
    (LabelledRow(row=1, time_ms=at(0), outputs=b"abc", label=1.0), "power", "bad_prediction"),
]


def test_a_label_that_cannot_be_used_is_counted_and_explained(plant: Plant, http: Any) -> None:
    for model, sound in {"failure": RIGHT, "power": labelled(7, 41.0, [40.0])}.items():
        plant.report("mill-1", model, 0)
        wrong = {reason: row for row, of, reason in UNUSABLE if of == model}
        assert plant.send("mill-1", model, [*(row for row, of, _ in UNUSABLE if of == model), sound])
        listed = http.get(f"/api/v1/models/{model}/feedback/refusals").json()["items"]
        assert {item["reason"] for item in listed} == wrong.keys()
        assert sum(item["labels"] for item in listed) == sum(of == model for _, of, _ in UNUSABLE)
        assert all(item["meaning"] for item in listed)
        assert figures(http, model)["labelled"] == 1


def test_labels_of_a_version_that_was_never_published_are_refused_and_acknowledged(plant: Plant, http: Any) -> None:
    assert plant.send("mill-1", "failure", [RIGHT, WRONG], version="7")
    assert plant.send("mill-1", "nothing", [RIGHT])
    (refused,) = http.get("/api/v1/models/failure/feedback/refusals").json()["items"]
    assert (refused["reason"], refused["labels"]) == ("unknown_version", 2)


def test_writers_at_the_same_time_lose_no_label(plant: Plant, http: Any) -> None:
    plant.report("mill-1", "failure", 0)

    def send(first: int) -> None:
        for row in range(first, first + 10):
            plant.send("mill-1", "failure", [labelled(row, "yes", yes(0.9))])

    threads = [threading.Thread(target=send, args=[1 + 10 * number]) for number in range(4)]
    threads += [threading.Thread(target=plant.report, args=["mill-1", "failure", 5])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert figures(http, "failure", until_ms=at(1))["labelled"] == 40


@pytest.mark.slow
def test_a_batch_has_more_labels_than_a_database_takes_parameters(plant: Plant, http: Any) -> None:
    plant.report("mill-1", "failure", 0)
    labels = 70_000  # of 137 messages; PostgreSQL takes 65 535
    plant.send("mill-1", "failure", [labelled(row, "yes", yes(0.9)) for row in range(1, labels + 1)])
    assert figures(http, "failure")["labelled"] == labels


def test_a_regression_is_measured_in_its_own_unit(plant: Plant, http: Any) -> None:
    plant.report("mill-1", "power", 0)
    plant.send("mill-1", "power", [labelled(row, 40.0 + row, [42.0 + row]) for row in range(1, 20)])
    found = figures(http, "power")["figures"]
    assert (found["mean_absolute_error"]["value"], found["bias"]["value"]) == (2.0, 2.0)
    assert figures(http, "power")["expected"]["reason"] == "no_score"
