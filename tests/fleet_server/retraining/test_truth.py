"""What labels say goes with a request, and into a summary."""

from fleet_server.retraining.rows import RowPlace
from fleet_server.retraining.truth import RowLabels, VersionFigures
from tests.fleet_server.feedback.conftest import plant
from tests.fleet_server.feedback.plant import Plant, at, labelled, yes

__all__ = ["plant"]


def test_figures_are_told_and_where_they_are_not_expected(plant: Plant) -> None:
    plant.report("mill-1", "failure", 0, scores=(50, 0, 0, 50))
    known = VersionFigures(plant.room.performance)
    before = known.figures("failure", at(0), at(1))
    assert before
    assert all(figure.is_estimate for figure in before)
    plant.send("mill-1", "failure", [labelled(row, "yes", yes(0.9)) for row in range(20)])
    after = {figure.name: figure for figure in known.figures("failure", at(0), at(1))}
    assert (after["accuracy"].value, after["accuracy"].is_estimate) == (1.0, False)
    assert known.figures("failure", at(5), at(6)) == []


def test_rows_get_the_names_of_their_classes_or_their_numbers(plant: Plant) -> None:
    plant.send("mill-1", "failure", [labelled(3, "yes", yes(0.9)), labelled(4, "no", weight=2.0)])
    plant.send("mill-1", "power", [labelled(7, 41.5)])
    labels = RowLabels(plant.database, plant.room.targets)
    failure = labels.labels("failure", [RowPlace("mill-1", "1", row) for row in (3, 4, 5)])
    assert {place.row: (label.value, label.weight) for place, label in failure.items()} == {
        3: ("yes", 1.0),
        4: ("no", 2.0),
    }
    power = labels.labels("power", [RowPlace(mill, "1", row) for row in range(1000) for mill in ("mill-1", "mill-2")])
    assert {place: label.value for place, label in power.items()} == {RowPlace("mill-1", "1", 7): 41.5}


def test_a_label_by_time_is_found_and_one_by_number_goes_before_it(plant: Plant) -> None:
    plant.send("mill-1", "failure", [labelled(None, "yes", hour=0.5), labelled(None, "no", hour=0.75)])
    plant.send("mill-1", "failure", [labelled(4, "yes", hour=0.75)])
    labels = RowLabels(plant.database, plant.room.targets)
    places = [RowPlace("mill-1", "1", row, at(hour)) for row, hour in ((3, 0.5), (4, 0.75), (5, 0.9))]
    found = labels.labels("failure", places)
    assert {place.row: label.value for place, label in found.items()} == {3: "yes", 4: "yes"}
