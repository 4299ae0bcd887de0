"""What is old leaves the database, once nobody needs it."""

from typing import Any

import pytest
from sqlmodel import func, select

from fleet_server import pruning
from fleet_server.drift.history import DriftHistory
from fleet_server.drift.retention import Retention
from fleet_server.drift.tables import JudgedWindowRow
from fleet_server.telemetry.history import Selection
from tests.fleet_server.drift.days import DEVICES, report_days
from tests.fleet_server.drift.fleet import MODEL, Fleet

DAY_S = 86_400


@pytest.fixture
def kept(fleet: Fleet, clock: Any) -> dict[str, int]:
    """Days 0 to 3 were reported at once; a month later days 4 and 5. What other readers are done with."""
    report_days(fleet, range(4))
    fleet.judge()
    clock.advance(30 * DAY_S)
    report_days(fleet, [4, 5])
    fleet.judge()
    return {"archive": 10**9, "changes": 10**9}


def prune(fleet: Fleet, clock: Any, kept: dict[str, int], keep_days: int = 10) -> None:
    readers, changes = [lambda: kept["archive"]], [lambda: kept["changes"]]
    retention = Retention(
        fleet.database, fleet.telemetry, clock, keep_days=keep_days, reports_read=readers, changes_read=changes
    )
    retention.step()


def counts(fleet: Fleet) -> tuple[int, int]:
    """Return how many reports and judged windows there are."""
    with fleet.database.reading() as session:
        judged = session.exec(select(func.count()).select_from(JudgedWindowRow)).one()
    return len(fleet.telemetry.windows_after(0, 1000)), judged


def test_what_is_old_and_done_with_is_forgotten(fleet: Fleet, clock: Any, kept: dict[str, int]) -> None:
    assert counts(fleet) == (6 * len(DEVICES), 5 * len(DEVICES))
    prune(fleet, clock, kept)
    assert counts(fleet) == (2 * len(DEVICES), 2 * len(DEVICES))  # the windows of day 3 were judged with those of day 4
    assert len(DriftHistory(fleet.database).fleet_page(Selection(MODEL), limit=50)) == 2 * 2


def test_what_is_more_than_a_step_prunes_goes_in_the_next(
    fleet: Fleet, clock: Any, kept: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pruning, "BATCH", 4)
    monkeypatch.setattr(pruning, "_BATCHES", 1)
    retention = Retention(
        fleet.database, fleet.telemetry, clock, keep_days=10, reports_read=[], changes_read=[lambda: kept["changes"]]
    )
    retention.step()
    assert counts(fleet) == (2 * len(DEVICES), 5 * len(DEVICES) - 4)
    for _ in range(3 * len(DEVICES)):
        retention.step()
    assert counts(fleet) == (2 * len(DEVICES), 2 * len(DEVICES))


def test_what_another_reader_needs_stays(fleet: Fleet, clock: Any, kept: dict[str, int]) -> None:
    kept["archive"] = 5
    prune(fleet, clock, kept)
    assert counts(fleet)[0] == 6 * len(DEVICES) - 5


def test_a_report_that_waits_for_its_window_stays(fleet: Fleet, clock: Any, kept: dict[str, int]) -> None:
    clock.advance(60 * DAY_S)
    prune(fleet, clock, kept)
    assert counts(fleet) == (len(DEVICES), 0)  # day 5 is not complete
    report_days(fleet, [6])
    fleet.judge()
    assert fleet.judged("a") == [5]


def test_the_last_window_of_a_device_that_was_switched_off_keeps_nothing_else(fleet: Fleet, clock: Any) -> None:
    report_days(fleet, range(2), devices="a", model="other")
    report_days(fleet, range(4), devices=DEVICES[1:])
    fleet.judge()
    clock.advance(30 * DAY_S)
    report_days(fleet, range(4, 6), devices=DEVICES[1:])
    fleet.judge()
    prune(fleet, clock, {"archive": 10**9, "changes": 10**9})
    left = fleet.telemetry.windows_after(0, 1000)
    assert sorted({(row.model, row.window_start_ms // (1000 * DAY_S)) for row in left}) == [
        ("other", 1),
        (MODEL, 4),
        (MODEL, 5),
    ]


def test_the_last_change_stays_so_that_ordinals_go_on(fleet: Fleet, clock: Any, kept: dict[str, int]) -> None:
    last = max(change.ordinal or 0 for change in fleet.drift.changes_after(0, 1000))
    clock.advance(60 * DAY_S)
    prune(fleet, clock, kept)
    assert [change.ordinal for change in fleet.drift.changes_after(0, 1000)] == [last]
