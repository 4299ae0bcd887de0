"""Rules about how well a version does, with labels, without them, and by the application's own metrics."""

import pytest

from fleet_server.alerts.language import Rule
from fleet_server.alerts.tables import AlertRow
from fleet_server.app import FleetServer
from tests.fleet_server.conftest import ManualClock
from tests.fleet_server.feedback.conftest import plant
from tests.fleet_server.feedback.plant import Plant, labelled, yes

__all__ = ["plant"]


def found(server: FleetServer, clock: ManualClock) -> dict[str, AlertRow]:
    clock.advance(601)
    server.rooms.alerts.service.step()
    alerts = server.rooms.alerts.desk.alerts(limit=100, state="open")
    return {alert.rule: alert for alert in alerts if alert.model is not None}


def tell(plant: Plant, right: range, wrong: range) -> None:
    plant.send("mill-1", "failure", [labelled(row, "yes", yes(0.9)) for row in right])
    plant.send("mill-1", "failure", [labelled(row, "no", yes(0.9)) for row in wrong])


def test_a_version_that_is_often_wrong_is_told_of_until_it_is_not(plant: Plant, clock: ManualClock) -> None:
    server = plant.server
    rules = [
        Rule(name="low", signal="performance.accuracy", below=0.6),
        Rule(name="surely-low", signal="performance.accuracy.high", below=0.5),
        Rule(name="torn", signal="metric.torque", above=5),
        Rule(name="expected", signal="expected.accuracy", below=1.1, model="failure"),
    ]
    server.rooms.alerts.rules.put("ann", rules)
    plant.report("mill-1", "failure", 0, scores=(50, 0, 0, 50), metrics={"torque": [7.0, 9.0]})
    tell(plant, range(1, 51), range(51, 101))
    alerts = found(server, clock)
    assert set(alerts) == {"low", "torn", "expected"}
    assert (alerts["low"].value, alerts["torn"].value) == (0.5, 8)
    assert alerts["low"].sentence.startswith("performance.accuracy of failure 1 is 0.5 (0.")
    assert (alerts["low"].model, alerts["low"].version, alerts["low"].device_id) == ("failure", "1", None)
    tell(plant, range(51, 101), range(0))
    assert set(found(server, clock)) == {"torn", "expected"}


def test_a_version_that_nobody_runs_any_more_has_no_alert(plant: Plant, clock: ManualClock) -> None:
    server = plant.server
    plant.publish("failure", "2", labels=("no", "yes"))
    server.rooms.alerts.rules.put("ann", [Rule(name="torn", signal="metric.torque", above=5)])
    plant.report("mill-1", "failure", 0, metrics={"torque": [7.0]})
    assert found(server, clock)["torn"].version == "1"
    clock.advance(48 * 3600)
    plant.report("mill-1", "failure", 48, version="2", metrics={"torque": [1.0]})
    assert "torn" not in found(server, clock)


@pytest.mark.parametrize("rules", [[], [Rule(name="low", signal="performance.accuracy", below=0.6)]])
def test_without_windows_there_is_nothing_to_tell(server: FleetServer, clock: ManualClock, rules: list[Rule]) -> None:
    server.rooms.alerts.rules.put("ann", rules)
    assert found(server, clock) == {}
