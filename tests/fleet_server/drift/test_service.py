"""Windows in, verdicts out, on SQLite and PostgreSQL."""

import importlib

import numpy as np
import pytest
from sqlalchemy import update
from sqlmodel import select

from device_contract.baseline import Baseline
from fleet_server.drift.readiness import GRACE_WINDOWS
from fleet_server.drift.tables import DevicePastRow, FleetWindowRow
from tests.fleet_server.drift.days import DEVICES, LEARNED, report_day, report_days
from tests.fleet_server.drift.fleet import DAY_MS, MODEL, Fleet
from tests.fleet_server.drift.windows import float32_stream

STABLE: dict[str, tuple[str, list[str]]] = dict.fromkeys(DEVICES, ("stable", []))


def words(fleet: Fleet, device_id: str, kind: str) -> list[str]:
    """Return the verdicts that followed each other, each once."""
    changes = fleet.drift.changes_after(0, 1000)
    found = [change.verdict for change in changes if (change.device_id, change.kind) == (device_id, kind)]
    return [word for place, word in enumerate(found) if word not in found[place - 1 : place]]


def test_the_broken_sensor_is_named_and_the_healthy_devices_are_not(fleet: Fleet) -> None:
    report_days(fleet, range(LEARNED))
    fleet.judge()
    assert fleet.verdicts("own") == STABLE
    report_days(fleet, range(LEARNED, LEARNED + 7), {"b": 2.0})
    fleet.judge()
    assert fleet.verdicts("own") == {**STABLE, "b": ("drift", ["temperature"])}
    row = fleet.verdict_row("b", "own")
    assert row.severity > 1.0
    assert LEARNED * DAY_MS < row.since_ms <= (LEARNED + 4) * DAY_MS
    assert row.cause == "offset"
    assert "°C above it. Most likely" in row.sentence


@pytest.mark.slow
def test_a_repaired_sensor_is_stable_again_and_the_history_says_so(fleet: Fleet) -> None:
    report_days(fleet, range(LEARNED))
    report_days(fleet, range(LEARNED, LEARNED + 5), {"b": 2.0})
    report_days(fleet, range(LEARNED + 5, LEARNED + 25))
    fleet.judge()
    assert words(fleet, "b", "own") == ["learning", "stable", "drift", "stable"]
    assert words(fleet, "a", "own") == ["learning", "stable"]


@pytest.mark.slow
def test_a_restart_changes_nothing(fleet: Fleet) -> None:
    for day in range(LEARNED + 6):
        report_days(fleet, [day], {"c": 2.0 if day >= LEARNED else 0.0})
        fleet.judge()
        fleet.restart()
    assert fleet.verdicts("own") == {**STABLE, "c": ("drift", ["temperature"])}
    assert fleet.controller.judge_new() == 0


def test_a_large_window_that_was_judged_in_part_goes_on_with_the_rest(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.import_module("detectors.cohorts"), "MOST", 2)
    monkeypatch.setattr("fleet_server.drift.controller.COHORTS_AT_ONCE", 1)
    report_days(fleet, range(2))
    fleet.judge()
    sound = set_past(fleet, "f", b"rubbish")
    report_days(fleet, [2])
    with pytest.raises(ExceptionGroup, match="1 failed"):
        fleet.judge()
    assert [device_id for device_id in DEVICES if fleet.judged(device_id) == [0]] == ["c", "f"]
    set_past(fleet, "f", sound)
    fleet.restart()
    report_day(fleet, "a", 1, version="2")  # comes to a window in which this device was judged
    report_days(fleet, [3])
    fleet.judge()
    assert {refusal.reason: refusal.reports for refusal in fleet.telemetry.refusals("a")} == {"late_window": 1}
    for device_id in DEVICES:
        assert fleet.judged(device_id) == [0, 1, 2]
        assert fleet.past_windows(device_id)["features"] == 3
    with fleet.database.reading() as session:
        windows = session.exec(select(FleetWindowRow.start_ms).where(FleetWindowRow.model == MODEL).distinct())
        assert sorted(windows) == [0, DAY_MS, 2 * DAY_MS]


def set_past(fleet: Fleet, device_id: str, data: bytes) -> bytes:
    """Store other bytes as the past of a device's features; returns those before."""
    with fleet.database.session() as session:
        row = session.get_one(DevicePastRow, (MODEL, device_id, "features"))
        before, row.data = row.data, data
    return before


def test_what_was_taken_in_before_a_crash_is_judged_after_it(fleet: Fleet) -> None:
    report_days(fleet, range(3))
    fleet.take_only()
    fleet.restart()
    fleet.controller.judge_new()
    assert fleet.judged("a") == [0, 1]


def test_a_model_that_cannot_be_judged_holds_up_no_other(fleet: Fleet) -> None:
    report_days(fleet, range(2), devices="a", model="other")
    fleet.judge()
    with fleet.database.session() as session:
        session.execute(update(DevicePastRow).values(data=b"damaged"))
    report_days(fleet, range(2, 4), devices="a", model="other")
    report_days(fleet, range(3), devices="b")
    fleet.deliver()
    for _ in range(2):  # it is tried again
        with pytest.raises(ExceptionGroup):
            fleet.controller.judge_new()
        assert (fleet.judged("a"), fleet.judged("b")) == ([0], [0, 1])


def test_a_feature_whose_name_no_database_holds_is_judged_all_the_same(fleet: Fleet) -> None:
    columns = np.random.default_rng(5).standard_normal((3, 20_000))
    names = ("wind\0speed", "pressure", "power")
    roles = ("feature", "feature", "output")
    streams = [
        float32_stream(name, values, role=role) for name, values, role in zip(names, columns, roles, strict=True)
    ]
    fleet.publish("4", Baseline(streams=tuple(streams)), {names[0]: "m\0s"})
    report_days(fleet, range(6), {"a": 4.0}, version=lambda _: "4")
    fleet.judge()
    row = fleet.verdict_row("a", "training")
    assert (row.verdict, row.features) == ("drift", ["wind\0speed"])
    assert row.sentence.startswith("wind\ufffdspeed of a left training")


def test_a_new_version_keeps_the_features_past_and_starts_the_outputs_anew(fleet: Fleet) -> None:
    report_days(fleet, range(LEARNED), {"b": 1.0})
    report_days(fleet, range(LEARNED, LEARNED + 6), {"b": 3.0}, version=lambda _: "2")
    fleet.judge()
    assert fleet.verdicts("own") == {**STABLE, "b": ("drift", ["temperature"])}
    assert fleet.past_windows("a") == {"features": LEARNED + 5, "outputs": 5}


def test_a_version_that_one_device_tries_leaves_the_fleets_verdict_to_the_others(fleet: Fleet) -> None:
    report_days(fleet, range(LEARNED), version=lambda device_id: "3" if device_id == "a" else "1")
    fleet.judge()
    assert fleet.verdict("b", "fleet") == "stable"


@pytest.mark.slow
def test_a_version_of_another_training_sample_starts_the_outputs_anew_and_carries_the_features_over(
    fleet: Fleet,
) -> None:
    report_days(fleet, range(LEARNED), {"b": 1.0})
    report_days(fleet, range(LEARNED, LEARNED + 6), {"b": 1.0, "c": 2.0}, version=lambda _: "3")
    fleet.judge()
    assert fleet.past_windows("a") == {"features": LEARNED + 5, "outputs": 5}
    assert fleet.verdicts("own") == {**STABLE, "c": ("drift", ["temperature"])}


def test_another_model_starts_all_anew_and_leaves_the_first_ones_past(fleet: Fleet) -> None:
    report_days(fleet, range(LEARNED))
    report_days(fleet, range(LEARNED, LEARNED + 4), model="other")
    fleet.judge()
    found = fleet.drift.device("a")
    assert found is not None
    assert (found.model, found.verdicts["own"].verdict) == ("other", "learning")
    assert fleet.past_windows("a") == {"features": LEARNED, "outputs": LEARNED}
    assert fleet.past_windows("a", "other") == {"features": 3, "outputs": 3}


def test_outputs_are_compared_within_their_version_only(fleet: Fleet) -> None:
    for day in range(LEARNED + 5):
        for device_id in DEVICES:
            is_new = device_id == "d"
            report_day(fleet, device_id, day, version="2" if is_new else "1", output_offset=2.0 if is_new else 0.0)
    fleet.judge()
    assert fleet.verdicts("own") == STABLE
    assert fleet.verdict("d", "peers") != "drift"


def test_a_wrong_model_on_one_device_shows_in_its_output_alone(fleet: Fleet) -> None:
    for day in range(LEARNED + 7):
        for device_id in DEVICES:
            broken = device_id == "a" and day >= LEARNED
            report_day(fleet, device_id, day, output_offset=2.0 if broken else 0.0)
    fleet.judge()
    row = fleet.verdict_row("a", "own")
    assert (row.verdict, row.features, row.outputs, row.cause) == ("drift", [], ["power"], "model")
    assert fleet.verdict("b", "own") == "stable"


def test_a_window_that_two_versions_share_is_one_window(fleet: Fleet) -> None:
    report_days(fleet, range(2))
    report_day(fleet, "a", 2, rows=10)
    report_day(fleet, "a", 2, rows=30, version="2")
    report_days(fleet, [2], devices=DEVICES[1:])
    report_days(fleet, [3, 4], version=lambda device_id: "2" if device_id == "a" else "1")
    fleet.judge()
    assert fleet.judged("a") == [0, 1, 2, 3]
    assert fleet.judged_rows("a", 2) == 40
    assert fleet.past_windows("a") == {"features": 4, "outputs": 2}


def test_a_silent_device_has_no_data_and_is_not_waited_for(fleet: Fleet) -> None:
    report_days(fleet, range(2))
    for days in (range(2, GRACE_WINDOWS + 3), [GRACE_WINDOWS + 3]):
        report_days(fleet, days, devices=DEVICES[:5])
        fleet.judge()
    for kind in ("training", "own", "peers"):
        row = fleet.verdict_row("f", kind)
        assert (row.verdict, row.since_ms) == ("no_data", 2 * DAY_MS)
    assert "sends nothing that can be judged" in fleet.verdict_row("f", "own").sentence


def test_a_device_that_catches_up_is_not_told_silent_between_its_windows(fleet: Fleet) -> None:
    report_days(fleet, range(GRACE_WINDOWS + 4), devices=DEVICES[:5])
    fleet.judge()
    for day in range(3):
        report_days(fleet, [day], devices="f")
        fleet.judge()
    assert "no_data" not in words(fleet, "f", "training")


@pytest.mark.slow
def test_a_device_that_goes_over_to_another_model_holds_nobody_up_and_is_not_silent(fleet: Fleet) -> None:
    days = range(2, GRACE_WINDOWS + 4)
    report_days(fleet, range(2))
    report_days(fleet, days[:3], devices=DEVICES[1:])
    report_days(fleet, days[:3], devices="a", model="other")
    fleet.judge()
    assert (fleet.judged("a"), fleet.judged("b")) == ([0, 1, 2, 3], [0, 1, 2, 3])
    report_days(fleet, days[3:], devices=DEVICES[1:])
    report_days(fleet, days[3:], devices="a", model="other")
    fleet.judge()
    assert "no_data" not in words(fleet, "a", "own")


def test_the_last_window_of_a_model_that_all_devices_have_left_is_judged(fleet: Fleet) -> None:
    report_days(fleet, range(2))
    report_days(fleet, range(1, 3), model="other")  # the update came on day 1
    fleet.judge()
    assert [fleet.judged(device_id) for device_id in DEVICES] == [[0, 1, 1]] * len(DEVICES)


def test_nobody_waits_for_a_revoked_device(fleet: Fleet) -> None:
    for device_id in DEVICES:
        fleet.register(device_id)
    report_days(fleet, range(2))
    report_days(fleet, range(2, 5), devices=DEVICES[:5])
    fleet.judge()
    assert fleet.judged("a") == [0]
    fleet.revoke("f")
    report_days(fleet, [5], devices=DEVICES[:5])
    fleet.judge()
    assert (fleet.judged("a"), fleet.judged("f")) == ([0, 1, 2, 3, 4], [0, 1])


@pytest.mark.slow
def test_late_windows_are_judged_against_what_the_peers_said_then(fleet: Fleet) -> None:
    report_days(fleet, range(LEARNED))
    away = range(LEARNED, LEARNED + GRACE_WINDOWS + 4)
    for days in (away[:-1], away[-1:]):
        report_days(fleet, days, devices=DEVICES[:5])
        fleet.judge()
    assert fleet.verdict("f", "own") == "no_data"
    report_days(fleet, away, {"f": 2.0}, devices="f")
    fleet.judge()
    assert fleet.verdicts("own") == {**STABLE, "f": ("drift", ["temperature"])}
    assert fleet.verdict("f", "peers") == "no_data"  # alone it cannot be told from its peers


@pytest.mark.slow
def test_the_order_of_arrival_between_devices_does_not_matter(fleet: Fleet) -> None:
    for device_id in DEVICES:
        report_days(fleet, range(5), devices=device_id)
        fleet.judge()
    assert {tuple(fleet.judged(device_id)) for device_id in DEVICES} == {(0, 1, 2, 3)}


def test_a_shadow_is_not_judged_twice(fleet: Fleet) -> None:
    report_day(fleet, "a", 0, slot="shadow", version="2")
    fleet.judge()
    assert fleet.drift.device("a") is None
    assert fleet.controller.judge_new() == 0


def test_a_changed_world_is_one_verdict_on_the_fleet_and_none_on_a_device(fleet: Fleet) -> None:
    report_days(fleet, range(LEARNED))
    report_days(fleet, range(LEARNED, LEARNED + 6), dict.fromkeys(DEVICES, 2.2))
    fleet.judge()
    assert fleet.verdicts("own") == STABLE
    changes = [change for change in fleet.drift.changes_after(0, 1000) if change.kind == "fleet"]
    drift = next(change for change in changes if change.verdict == "drift")
    assert (drift.device_id, drift.model, drift.cause) == ("", MODEL, "world")
    assert drift.features == ["temperature"]
    assert drift.since_ms == LEARNED * DAY_MS
