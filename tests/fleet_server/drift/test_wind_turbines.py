"""The demo's scenario on the real turbines: real sketches through the real rooms, without the network."""

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skops.io
from numpy.typing import NDArray

from compiler.baseline import build_baseline
from device_contract.manifest import Feature, Output
from examples.wind_turbines import scenario, train, turbines
from fleet_server.app import FleetServer
from fleet_server.drift.frames import most_severe
from fleet_server.drift.tables import VerdictChangeRow
from tests.fleet_server.drift.fleet import DAY_MS, Fleet

pytestmark = pytest.mark.slow

# turbine-r80721 sent no values on 28 February; the other feathered its blades on 28 April and 7 May
REAL = {
    ("turbine-r80721", "missing"),
    (scenario.FAULTY_TURBINE, "outliers"),
}
SECOND_VERSION_MS = int(scenario.SECOND_VERSION.timestamp() * 1000)


@cache
def features() -> tuple[Feature, ...]:
    schema = tomllib.loads(turbines.SCHEMA.read_text(encoding="utf-8"))
    return tuple(Feature(**feature) for feature in schema["feature"])


def rows_of(table: Any) -> NDArray[np.float32]:
    columns = [table[feature.name].to_numpy() for feature in features()]
    return np.column_stack(columns).astype(np.float32)


def predict(model: Any, rows: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return (n_rows, 1); NaN for a row with a missing value, as a device would answer."""
    whole = np.isfinite(rows).all(axis=1)
    scores = np.full((len(rows), 1), np.nan)
    scores[whole, 0] = model.predict(rows[whole])
    return scores


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'fleet.db'}"


@pytest.fixture
def played(server: FleetServer, clock: Any, tmp_path: Path) -> Fleet:
    """The fleet after the whole scenario; version 2 comes to two turbines first."""
    fleet = Fleet(server, clock)
    models = {}
    sample = rows_of(train.sample(train.training_table(2014)))
    for version in ("1", "2"):
        path = train.train_version(version, tmp_path)
        models[version] = skops.io.load(path, trusted=skops.io.get_untrusted_types(file=path))
        output = (Output(name="active_power", unit="kW"),)
        baseline = build_baseline(features(), output, sample, predict(models[version], sample))
        fleet.publish(version, baseline, {feature.name: feature.unit for feature in features()})
    tables = {device_id: scenario.replay_rows(device_id) for device_id in scenario.TURBINES}
    days = {name: table["time"].to_numpy().astype("datetime64[D]") for name, table in tables.items()}
    rows = {name: rows_of(table) for name, table in tables.items()}
    scores = {(version, name): predict(model, rows[name]) for version, model in models.items() for name in rows}
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
