"""The smallest difference that matters: what is below it is no drift, what is above it still is."""

from itertools import product
from pathlib import Path
from typing import Any

import pytest

from tests.fleet_server.drift.days import DEVICES, LEARNED, report_day
from tests.fleet_server.drift.fleet import MODEL, Fleet

STABLE: dict[str, tuple[str, list[str]]] = dict.fromkeys(DEVICES, ("stable", []))
POLICY = f"/api/v1/models/{MODEL}/drift/policy"


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """SQLite alone: what is tested here asks nothing else of a database than its neighbours do."""
    return f"sqlite:///{tmp_path / 'fleet.db'}"


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_a_number_that_is_none_is_refused(fleet: Fleet, http: Any, number: str) -> None:
    headers = {"Content-Type": "application/json"}
    for name in ("false_alarms", "tolerance_sd"):
        answer = http.request("PUT", POLICY, content=f'{{"{name}": {number}}}', headers=headers)
        assert answer.status_code == 422
    assert fleet.policies.own(MODEL) is None


def report(fleet: Fleet, days: range, offset: float) -> None:
    """Report days of six devices, one of which reads more than usual."""
    for day, device_id in product(days, DEVICES):
        report_day(fleet, device_id, day, offset=offset if device_id == "b" else 0.0, rows=400)
    fleet.judge()


@pytest.mark.slow
@pytest.mark.parametrize(("tolerance_sd", "word"), [(0.0, "drift"), (0.5, "stable")])
def test_a_small_lasting_difference_is_no_drift_where_it_does_not_matter(
    fleet: Fleet, http: Any, tolerance_sd: float, word: str
) -> None:
    http.request("PUT", POLICY, json={"tolerance_sd": tolerance_sd})
    report(fleet, range(LEARNED), 0.0)
    report(fleet, range(LEARNED, LEARNED + 10), 0.45)
    assert fleet.verdicts("own") == {**STABLE, "b": (word, ["temperature"] if word == "drift" else [])}


@pytest.mark.slow
def test_a_tolerance_set_later_quietens_what_it_covers_and_forgets_nothing(fleet: Fleet, http: Any) -> None:
    report(fleet, range(LEARNED), 0.0)
    report(fleet, range(LEARNED, LEARNED + 8), 0.45)
    learned = fleet.past_windows("b")
    assert fleet.verdict("b", "own") == "drift"
    http.request("PUT", POLICY, json={"tolerance_sd": 0.5})
    assert fleet.past_windows("b") == learned
    report(fleet, range(LEARNED + 8, LEARNED + 18), 0.45)
    assert fleet.verdicts("own") == STABLE
    report(fleet, range(LEARNED + 18, LEARNED + 25), 1.5)
    assert fleet.verdicts("own") == {**STABLE, "b": ("drift", ["temperature"])}
    words = [change.verdict for change in fleet.drift.changes_after(0, 1000) if change.kind == "own"]
    assert words.count("learning") == len(DEVICES)
