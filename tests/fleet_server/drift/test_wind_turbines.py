"""The demo's scenario on the real turbines: real sketches through the real rooms, without the network."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skops.io

from examples.wind_turbines import scenario, train, year
from fleet_server.app import FleetServer
from fleet_server.drift.frames import most_severe
from fleet_server.drift.tables import VerdictChangeRow
from tests.fleet_server.drift.fleet import DAY_MS, Fleet

pytestmark = [pytest.mark.slow, pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)]

# turbine-r80721 sent no values on 28 February; the other feathered its blades on 28 April and 7 May
REAL = {
    ("turbine-r80721", "missing"),
    (scenario.FAULTY_TURBINE, "outliers"),
}
SECOND_VERSION_MS = int(scenario.SECOND_VERSION.timestamp() * 1000)


@pytest.fixture
def played(server: FleetServer, clock: Any, tmp_path: Path) -> Fleet:
    """The fleet after the whole scenario; version 2 comes to two turbines first."""
    fleet = Fleet(server, clock)
    models = {}
    sample = train.features(train.sample(train.training_table(2014)))
    for version in ("1", "2"):
        path = train.train_version(version, tmp_path)
        models[version] = skops.io.load(path, trusted=skops.io.get_untrusted_types(file=path))
        units = {feature.name: feature.unit for feature in year.features()}
        fleet.publish(version, year.baseline(models[version], sample), units)
    tables = {device_id: scenario.replay_rows(device_id) for device_id in scenario.TURBINES}
    days = {name: table["time"].to_numpy().astype("datetime64[D]") for name, table in tables.items()}
    rows = {name: train.features(table) for name, table in tables.items()}
    scores = {
        (version, name): year.predict(model, rows[name])[:, None] for version, model in models.items() for name in rows
    }
    for day in np.unique(days[scenario.TURBINES[0]]):
        start_ms = int(day.astype(int)) * DAY_MS
        for place, device_id in enumerate(scenario.TURBINES):
            version = "2" if start_ms >= SECOND_VERSION_MS + (DAY_MS * 10 if place >= 2 else 0) else "1"
            seen = days[device_id] == day
            fleet.report(device_id, start_ms, rows[device_id][seen], scores[version, device_id][seen], version=version)
    fleet.judge()
    return fleet


def test_the_broken_thermometer_is_found_and_nothing_else(played: Fleet) -> None:
    expected = {name: ("stable", []) for name in scenario.TURBINES}
    expected[scenario.FAULTY_TURBINE] = ("drift", [scenario.FAULTY_FEATURE])
    assert played.verdicts("own") == expected
    assert {word for word, _ in played.verdicts("peers").values()} <= {"stable", "drift"}
    fault_ms = scenario.FAULT_BEGINS.timestamp() * 1000
    named = [change for change in changes(played) if change.kind == "own" and change.cause == "offset"]
    found = [change for change in named if change.features == [scenario.FAULTY_FEATURE]]
    assert {change.device_id for change in named} == {scenario.FAULTY_TURBINE}
    assert fault_ms <= found[0].since_ms <= fault_ms + 3 * DAY_MS
    rest = {(change.device_id, change.cause) for change in changes(played) if change.kind == "own" and change.cause}
    # what is left is real
    assert rest - {(change.device_id, change.cause) for change in named} <= REAL
    others = [severity(played, name) for name in scenario.TURBINES if name != scenario.FAULTY_TURBINE]
    assert max(others) < 1.0
    assert severity(played, scenario.FAULTY_TURBINE) > 1.5
    assert {word for word, _ in played.verdicts("training").values()} <= {"stable", "drift"}
    device = played.drift.device(scenario.TURBINES[0])
    assert device is not None
    assert device.evidence["training"]["wind_speed"]["effect_sizes"]["population_stability_index"] > 0.0


def changes(fleet: Fleet) -> list[VerdictChangeRow]:
    return list(fleet.drift.changes_after(0, 10_000))


def severity(fleet: Fleet, device_id: str) -> float:
    found = fleet.drift.device(device_id)
    assert found is not None
    return most_severe(found.evidence["own"])
