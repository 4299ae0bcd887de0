"""Windows in, verdicts out, on SQLite and PostgreSQL."""

from collections.abc import Callable, Mapping

import numpy as np

from fleet_server.drift.peers import LEARNING_WINDOWS
from fleet_server.drift.readiness import GRACE_WINDOWS
from tests.fleet_server.drift.fleet import DAY_MS, Fleet

DEVICES = ("a", "b", "c", "d")
ROWS = 40
ENOUGH = LEARNING_WINDOWS + 2


def report_day(  # noqa: PLR0913  (each is what one test varies)
    fleet: Fleet,
    device_id: str,
    day: int,
    *,
    offset: float = 0.0,
    version: str = "1",
    output_offset: float = 0.0,
    rows: int = ROWS,
    slot: str = "champion",
) -> None:
    generator = np.random.default_rng([day, DEVICES.index(device_id)])
    weather = np.random.default_rng([day, 77]).standard_normal()
    values = 0.2 * generator.standard_normal((rows, 2)) + weather
    values[:, 0] += offset
    outputs = 0.2 * generator.standard_normal((rows, 1)) + weather + output_offset
    fleet.report(device_id, day * DAY_MS, values.astype(np.float32), outputs, version=version, slot=slot)


def report_days(
    fleet: Fleet, days: range, offsets: Mapping[str, float] | None = None, version: Callable[[str], str] = lambda _: "1"
) -> None:
    for day in days:
        for device_id in DEVICES:
            report_day(fleet, device_id, day, offset=(offsets or {}).get(device_id, 0.0), version=version(device_id))


def test_the_broken_sensor_is_named_and_the_healthy_devices_are_not(fleet: Fleet) -> None:
    report_days(fleet, range(ENOUGH))
    fleet.judge()
    assert list(fleet.verdicts("peers").values()) == [("stable", [])] * 4
    report_days(fleet, range(ENOUGH, ENOUGH + 8), {"b": 0.8})
    fleet.judge()
    assert fleet.verdicts("peers") == {
        name: ("drift", ["temperature"]) if name == "b" else ("stable", []) for name in DEVICES
    }
    found = fleet.drift.device("b")
    assert found is not None
    row = found.verdicts["peers"]
    assert row.severity > 1.0
    assert ENOUGH * DAY_MS <= row.since_ms <= (ENOUGH + 5) * DAY_MS
    assert row.sentence.startswith("temperature of b reads 0.")
    assert "°C above" in row.sentence
    assert "an offset of this one sensor is likely" in row.sentence
    assert row.evidence["temperature"]["value"] > row.evidence["temperature"]["threshold"]


def test_a_repaired_sensor_is_stable_again_and_the_history_says_so(fleet: Fleet) -> None:
    report_days(fleet, range(ENOUGH))
    report_days(fleet, range(ENOUGH, ENOUGH + 8), {"b": 0.8})
    report_days(fleet, range(ENOUGH + 8, ENOUGH + 40))
    fleet.judge()
    changes = fleet.drift.changes_after(0, 1000)
    words = [change.verdict for change in changes if (change.device_id, change.kind) == ("b", "peers")]
    assert words == ["learning", "stable", "drift", "stable"]


def test_learns_before_it_judges(fleet: Fleet) -> None:
    report_days(fleet, range(LEARNING_WINDOWS), {"b": 5.0})
    fleet.judge()
    assert {word for word, _ in fleet.verdicts("peers").values()} == {"learning"}


def test_a_restart_changes_nothing(fleet: Fleet) -> None:
    for day in range(ENOUGH + 6):
        report_days(fleet, range(day, day + 1), {"c": 0.9 if day >= ENOUGH else 0.0})
        fleet.judge()
        fleet.restart()
    assert fleet.verdicts("peers")["c"] == ("drift", ["temperature"])
    assert fleet.verdict("a", "peers") == "stable"
    assert fleet.drift.judge_new() == 0


def test_a_new_version_keeps_the_features_past_and_starts_the_outputs_anew(fleet: Fleet) -> None:
    report_days(fleet, range(ENOUGH))
    report_days(fleet, range(ENOUGH, ENOUGH + 3), version=lambda _: "2")
    fleet.judge()
    found = fleet.drift.device("a")
    assert found is not None
    assert (found.version, found.verdicts["peers"].verdict) == ("2", "stable")
    evidence = found.verdicts["peers"].evidence
    assert not evidence["temperature"]["learning"]
    assert evidence["power"]["learning"]
    assert evidence["power"]["windows"] == 2  # the last window is not complete yet


def test_outputs_are_compared_within_their_version_only(fleet: Fleet) -> None:
    for day in range(ENOUGH + 5):
        for device_id in DEVICES:
            is_new = device_id == "d"
            report_day(fleet, device_id, day, version="2" if is_new else "1", output_offset=50.0 if is_new else 0.0)
    fleet.judge()
    found = fleet.drift.device("d")
    assert found is not None
    assert "power" not in found.verdicts["peers"].evidence
    assert found.verdicts["peers"].verdict == "stable"


def test_a_wrong_model_on_one_device_shows_in_its_output_alone(fleet: Fleet) -> None:
    for day in range(ENOUGH + 8):
        for device_id in DEVICES:
            broken = device_id == "a" and day >= ENOUGH
            report_day(fleet, device_id, day, output_offset=1.0 if broken else 0.0)
    fleet.judge()
    found = fleet.drift.device("a")
    assert found is not None
    row = found.verdicts["peers"]
    assert (row.verdict, row.features, row.outputs) == ("drift", [], ["power"])
    assert "look at the model on this device" in row.sentence
    assert fleet.verdict("b", "peers") == "stable"


def test_a_window_that_two_versions_share_is_one_window(fleet: Fleet) -> None:
    report_days(fleet, range(ENOUGH))
    for device_id in DEVICES:
        report_day(fleet, device_id, ENOUGH, rows=10)
        report_day(fleet, device_id, ENOUGH, rows=30, version="2")
    report_days(fleet, range(ENOUGH + 1, ENOUGH + 3), version=lambda _: "2")
    fleet.judge()
    found = fleet.drift.device("a")
    assert found is not None
    assert found.verdicts["peers"].evidence["temperature"]["windows"] == ENOUGH + 2


def test_a_silent_device_has_no_data_and_is_not_waited_for(fleet: Fleet) -> None:
    report_days(fleet, range(ENOUGH))
    for day in range(ENOUGH, ENOUGH + GRACE_WINDOWS + 2):
        for device_id in DEVICES[:3]:
            report_day(fleet, device_id, day)
    fleet.judge()
    assert fleet.verdict("d", "peers") == "no_data"
    assert fleet.verdict("d", "training") == "no_data"
    found = fleet.drift.device("d")
    assert found is not None
    assert found.verdicts["peers"].since_ms == ENOUGH * DAY_MS


def test_late_windows_are_judged_against_what_the_peers_said_then(fleet: Fleet) -> None:
    report_days(fleet, range(ENOUGH))
    away = range(ENOUGH, ENOUGH + GRACE_WINDOWS + 10)
    for day in away:
        for device_id in DEVICES[:3]:
            report_day(fleet, device_id, day)
        fleet.judge()
    assert fleet.verdict("d", "peers") == "no_data"
    for day in away:
        report_day(fleet, "d", day, offset=0.8)
    fleet.judge()
    assert fleet.verdicts("peers")["d"] == ("drift", ["temperature"])


def test_the_order_of_arrival_between_devices_does_not_matter(fleet: Fleet) -> None:
    report_days(fleet, range(1))
    for device_id in DEVICES:
        for day in range(1, GRACE_WINDOWS - 2):
            report_day(fleet, device_id, day)
    report_days(fleet, range(GRACE_WINDOWS - 2, ENOUGH))
    fleet.judge()
    found = fleet.drift.device("a")
    assert found is not None
    assert found.verdicts["peers"].evidence["temperature"]["windows"] == ENOUGH - 1


def test_a_shadow_is_not_judged_twice(fleet: Fleet) -> None:
    report_day(fleet, "a", 0, slot="shadow", version="2")
    fleet.judge()
    assert fleet.drift.device("a") is None
    assert fleet.drift.judge_new() == 0


def test_a_changed_world_differs_from_training_on_every_device_and_from_no_peer(fleet: Fleet) -> None:
    report_days(fleet, range(ENOUGH))
    report_days(fleet, range(ENOUGH, ENOUGH + 15), dict.fromkeys(DEVICES, 4.0))
    fleet.judge()
    assert {word for word, _ in fleet.verdicts("peers").values()} == {"stable"}
    assert {word for word, _ in fleet.verdicts("training").values()} == {"drift"}
