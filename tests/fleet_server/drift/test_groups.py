"""Peers are the devices with the same value of a label."""

import numpy as np
import pytest

from tests.fleet_server.drift.fleet import DAY_MS, MODEL, Fleet

# SQLite alone: what is tested here asks nothing else of a database than its neighbours do.
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

SITES = {f"{site}-{number}": site for site in ("north", "south") for number in range(5)}
DAYS = 22


def play(fleet: Fleet) -> None:
    """Let the south have a change of weather of its own at the end."""
    for device_id, site in SITES.items():
        fleet.register(device_id, site=site)
    for day in range(DAYS + 6):
        for place, (device_id, site) in enumerate(SITES.items()):
            values = np.random.default_rng([day, place]).standard_normal((160, 3))
            values[:, 0] += 1.5 if site == "south" and day >= DAYS else 0.0
            fleet.report(device_id, day * DAY_MS, values[:, :2].astype(np.float32), values[:, 2:])
    fleet.judge()


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


def test_without_groups_the_same_change_is_drift_of_devices(fleet: Fleet) -> None:
    play(fleet)
    assert {device_id for device_id, _ in drifting(fleet)} & set(SITES)
