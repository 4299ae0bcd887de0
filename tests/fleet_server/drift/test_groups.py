"""Peers are the devices with the same value of a label."""

import numpy as np
import pytest

from fleet_server.app import FleetServer
from tests.fleet_server.drift.fleet import DAY_MS, MODEL, Fleet

# SQLite alone: what is tested here asks nothing else of a database than its neighbours do.
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

SITES = {f"{site}-{number}": site for site in ("north", "south") for number in range(5)}
DAYS = 22


def play(fleet: Fleet, days: int = DAYS + 6) -> None:
    """Let the south have a change of weather of its own at the end."""
    for device_id, site in SITES.items():
        fleet.register(device_id, site=site)
    for day in range(days):
        report_day(fleet, day)
    fleet.judge()


def report_day(fleet: Fleet, day: int) -> None:
    for place, (device_id, site) in enumerate(SITES.items()):
        values = np.random.default_rng([day, place]).standard_normal((160, 3))
        values[:, 0] += 1.5 if site == "south" and day >= DAYS else 0.0
        fleet.report(device_id, day * DAY_MS, values[:, :2].astype(np.float32), values[:, 2:])


def drifting(fleet: Fleet) -> set[tuple[str, str]]:
    """Return which devices, and which groups, have drifted from their past or with their group."""
    changes = fleet.drift.changes_after(0, 1000)
    return {
        (change.device_id, change.group)
        for change in changes
        if change.verdict == "drift" and change.kind in {"own", "fleet"}
    }


def test_what_a_group_has_in_common_is_no_drift_of_its_devices(fleet: Fleet) -> None:
    fleet.policies.set("ann", MODEL, false_alarms=None, group_label="site", tolerance_sd=0.0)
    play(fleet)
    assert drifting(fleet) == {("", "south")}
    found = fleet.drift.device("south-1")
    assert found is not None
    assert (found.verdicts["own"].verdict, found.verdicts["fleet"].group) == ("stable", "south")
    assert "the devices of group 'south'" in found.verdicts["fleet"].sentence
    north = fleet.drift.devices(limit=50, labels={"site": "north"})
    assert [device.device_id for device in north] == [f"north-{number}" for number in range(5)]


def test_another_label_takes_back_what_was_said_of_groups_and_peers_alone(fleet: Fleet, server: FleetServer) -> None:
    fleet.policies.set("ann", MODEL, false_alarms=None, group_label="site", tolerance_sd=0.0)
    play(fleet, DAYS + 3)
    alerts = server.rooms.alerts
    alerts.service.step()
    assert {alert.kind for alert in alerts.desk.alerts(limit=50, state="open")} == {"training", "fleet"}
    before = fleet.drift.device("south-1")
    assert before is not None
    fleet.policies.set("ann", MODEL, false_alarms=None, group_label="line", tolerance_sd=0.0)
    fleet.judge()
    after = fleet.drift.device("south-1")
    assert after is not None
    assert {kind: verdict.verdict for kind, verdict in after.verdicts.items()} == {
        "training": before.verdicts["training"].verdict,
        "own": "stable",
        "peers": "no_data",
    }
    assert after.verdicts["own"].since_ms == before.verdicts["own"].since_ms
    assert after.verdicts["peers"].cause == "another_group"
    alerts.service.step()
    assert {alert.kind for alert in alerts.desk.alerts(limit=50, state="open")} == {"training"}
    taken_back = [change for change in fleet.drift.changes_after(0, 1000) if change.cause == "another_group"]
    assert sorted(change.group for change in taken_back if change.kind == "fleet") == ["north", "south"]
    fleet.judge()
    assert len([change for change in fleet.drift.changes_after(0, 1000) if change.cause == "another_group"]) == 12


def test_the_next_window_is_judged_among_the_new_peers(fleet: Fleet) -> None:
    fleet.policies.set("ann", MODEL, false_alarms=None, group_label="site", tolerance_sd=0.0)
    play(fleet)
    fleet.policies.set("ann", MODEL, false_alarms=None, group_label="", tolerance_sd=0.0)
    for day in (DAYS + 6, DAYS + 7):
        report_day(fleet, day)
    fleet.judge()
    found = fleet.drift.device("north-1")
    assert found is not None
    assert (found.verdicts["peers"].verdict, found.verdicts["peers"].cause) == ("stable", "")
    assert (found.verdicts["fleet"].verdict, found.verdicts["fleet"].group) == ("learning", "")


def test_without_groups_the_same_change_is_drift_of_devices(fleet: Fleet) -> None:
    play(fleet)
    assert {device_id for device_id, _ in drifting(fleet)} & set(SITES)
