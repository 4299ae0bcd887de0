"""Which alerts are one incident."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet_server.alerts.causes import Cause, absorbs, belongs, summary, worst

DAY_S = 86_400


def cause(
    *features: str, rule: str = "peers", kind: str = "peers", model: str | None = "power", deployment: str | None = None
) -> Cause:
    return Cause(rule, kind, model, deployment, features)


FLEET = cause("wind", "power", rule="fleet", kind="fleet")


@pytest.mark.parametrize(
    ("alert", "incident", "expected"),
    [
        (cause("wind"), cause("wind"), True),
        (cause("wind", "yaw"), cause("yaw", "wind"), True),
        (cause("yaw"), cause("wind"), False),
        (cause("wind", model="yield"), cause("wind"), False),
        (cause("wind", rule="own", kind="own"), cause("wind"), False),
        (cause("wind", rule="own", kind="own"), FLEET, True),
        (cause("yaw", rule="own", kind="own"), FLEET, False),
        (cause("wind", rule="accuracy", kind="performance.accuracy"), FLEET, False),
        (cause(rule="silent", kind="device.silent_s", model=None), cause(rule="silent", kind="x", model=None), True),
        (cause(), cause("wind"), False),
        (cause(rule="p", deployment="d1"), cause(rule="p", deployment="d2"), False),
    ],
)
def test_one_cause_is_one_incident(alert: Cause, incident: Cause, *, expected: bool) -> None:
    assert belongs(alert, incident, 0, DAY_S) == expected
    assert not belongs(alert, incident, 1000 * DAY_S + 1, DAY_S)


def test_the_fleet_takes_in_what_devices_told_before() -> None:
    assert absorbs(FLEET, cause("wind"), 0, DAY_S)
    assert not absorbs(FLEET, cause("yaw"), 0, DAY_S)
    assert not absorbs(cause("wind"), cause("wind"), 0, DAY_S)
    assert not absorbs(FLEET, FLEET, 0, DAY_S)


@given(st.lists(st.sampled_from(["information", "warning", "critical"])))
def test_the_worst_is_as_bad_as_any(severities: list[str]) -> None:
    found = worst(severities)
    assert found in {*severities, "information"}
    assert found == "critical" or "critical" not in severities


def test_an_incident_of_many_says_how_many() -> None:
    assert summary(cause("wind"), 1, "It drifts.") == "It drifts."
    said = summary(cause("wind", "yaw"), 500, "It drifts.")
    assert said == "500 devices of model power: peers in wind, yaw. The first: It drifts."
    assert summary(FLEET, 500, "All have moved.") == "All have moved."
