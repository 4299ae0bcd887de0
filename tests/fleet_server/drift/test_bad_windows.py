"""Windows that cannot be judged are counted and explained; what can be judged is, whatever is in it."""

import math

import numpy as np
import pytest

from fleet_server.drift.history import DriftHistory
from fleet_server.drift.readiness import GRACE_WINDOWS
from fleet_server.telemetry.history import Selection
from tests.fleet_server.drift.days import DEVICES, LEARNED, report_day, report_days
from tests.fleet_server.drift.fleet import DAY_MS, MODEL, Fleet

# SQLite alone: what is tested here asks nothing else of a database than its neighbours do.
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

HOUR_MS = 3_600_000


def reasons(fleet: Fleet, device_id: str) -> dict[str, int]:
    return {refusal.reason: refusal.reports for refusal in fleet.telemetry.refusals(device_id)}


def report(  # noqa: PLR0913  (each is what one test varies)
    fleet: Fleet, start_ms: int, *, rows: int = 20, length_ms: int = DAY_MS, merged: int = 1, device_id: str = "a"
) -> None:
    values = np.random.default_rng(start_ms).standard_normal((rows, 3))
    features, outputs = values[:, :2].astype(np.float32), values[:, 2:]
    fleet.report(device_id, start_ms, features, outputs, length_ms=length_ms, merged_windows=merged)


def test_each_window_that_cannot_be_judged_is_counted_with_its_reason(fleet: Fleet) -> None:
    report(fleet, 0)
    report(fleet, DAY_MS)
    report(fleet, DAY_MS)  # the same statistics under another key
    report(fleet, DAY_MS + 6 * HOUR_MS)
    report(fleet, 2 * DAY_MS, rows=0)
    report(fleet, 3 * DAY_MS, length_ms=2 * DAY_MS, merged=2)
    fleet.judge()
    report(fleet, 0, rows=21)
    fleet.judge()
    assert fleet.judged("a") == [0]
    assert reasons(fleet, "a") == {
        "repeated_window": 1,
        "overlapping_window": 1,
        "no_rows": 1,
        "merged_window": 1,
        "late_window": 1,
    }
    assert fleet.controller_count("leeway_windows_unjudged_total", reason="no_rows") == 1


@pytest.mark.slow
def test_a_device_whose_outbox_joins_all_its_windows_is_explained(fleet: Fleet) -> None:
    report_days(fleet, range(LEARNED))
    report_days(fleet, range(LEARNED, LEARNED + GRACE_WINDOWS + 2), devices=DEVICES[1:])
    for day in range(LEARNED, LEARNED + GRACE_WINDOWS, 2):
        report(fleet, day * DAY_MS, length_ms=2 * DAY_MS, merged=2)
    fleet.judge()
    verdict = fleet.verdict_row("a", "own")
    assert (verdict.verdict, reasons(fleet, "a")) == ("no_data", {"merged_window": GRACE_WINDOWS // 2})
    assert "sends nothing that can be judged" in verdict.sentence
    assert "leeway-fleet devices refusals a" in verdict.advice


def test_a_model_whose_reports_are_all_refused_stops_nothing(fleet: Fleet, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "fleet_server.drift")
    report(fleet, 0, rows=0)
    fleet.judge()
    assert "not judged" not in caplog.text, "a device that replays a year would fill the log"
    assert reasons(fleet, "a") == {"no_rows": 1}
    assert fleet.drift.device("a") is None


def test_a_window_of_another_length_is_judged_once_it_overlaps_no_other(fleet: Fleet) -> None:
    for hour in range(4):
        report(fleet, hour * HOUR_MS, length_ms=HOUR_MS)
    report(fleet, DAY_MS)
    report(fleet, 2 * DAY_MS)
    fleet.judge()
    assert fleet.judged("a") == [0, 0, 0, 0, 1]
    assert reasons(fleet, "a") == {}


def test_windows_of_two_lengths_with_one_start_are_all_in_the_pages_of_the_fleets_chart(fleet: Fleet) -> None:
    for device_id, length_days in (("a", 1), ("b", 2)):
        for place in range(3):
            length_ms = length_days * DAY_MS
            report(fleet, place * length_ms, length_ms=length_ms, device_id=device_id)
    fleet.judge()
    history, selection = DriftHistory(fleet.database), Selection(MODEL)
    places = [window.place for window in history.fleet_page(selection, limit=50)]
    paged = [history.fleet_page(selection, limit=1, after=after)[0].place for after in (None, *places[:-1])]
    assert paged == places
    assert {(start // DAY_MS, end // DAY_MS) for start, end, _ in places} >= {(0, 1), (0, 2)}


@pytest.mark.slow
@pytest.mark.parametrize("value", [math.nan, math.inf, 0.0, 3e38])
def test_one_value_throughout_is_judged_and_named(fleet: Fleet, value: float) -> None:
    """A sensor that has died, stuck or run wild, in a fleet that is well."""
    report_days(fleet, range(LEARNED))
    for day in range(LEARNED, LEARNED + 6):
        report_days(fleet, [day], devices=DEVICES[1:])
        rows = np.random.default_rng(day).standard_normal((40, 2)).astype(np.float32)
        rows[:, 0] = value
        fleet.report("a", day * DAY_MS, rows, np.random.default_rng(day).standard_normal((40, 1)))
    fleet.judge()
    row = fleet.verdict_row("a", "own")
    assert (row.verdict, row.features) == ("drift", ["temperature"])
    assert row.cause in ({"missing"} if not math.isfinite(value) else {"stuck", "gain", "offset", "spikes"})
    assert {fleet.verdict(name, "own") for name in DEVICES[1:]} == {"stable"}


def test_one_device_in_a_group_is_judged_without_peers(fleet: Fleet) -> None:
    for day in range(LEARNED):
        report_day(fleet, "a", day)
    fleet.judge()
    assert fleet.verdict("a", "own") == "stable"
    assert fleet.verdict("a", "peers") == "no_data"
    assert "too few devices" in fleet.verdict_row("a", "peers").sentence
