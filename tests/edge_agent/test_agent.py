"""The agent as a real process, with a real broker and a real TUF repository."""

import json

import pytest

from tests.edge_agent.bundles import assigned, make_bundle
from tests.edge_agent.fleet_simulator import wait_until

pytestmark = pytest.mark.slow
T0_MS = 1_700_000_000_000 - 1_700_000_000_000 % 60_000


def rows(count: int, start: int = 0, step_ms: int = 1000) -> bytes:
    return b"".join(
        json.dumps({"time": T0_MS + step_ms * n, "left": 1.0, "right": n % 3}).encode() + b"\n"
        for n in range(start, start + count)
    )


def release(fleet, version: str, **options):
    bundle = make_bundle(version, **options)
    fleet.repository.add(f"pump/{version}/portable.bundle", bundle)
    return assigned(version, bundle)


def test_first_assignment_is_prepared_watched_committed_and_reported(fleet, start_agent):
    fleet.start_broker()
    slot = release(fleet, "1.0")
    agent = start_agent()
    fleet.wait_for_status("greets", phase="idle")
    assert fleet.births[-1].online
    fleet.assign(slot, action_id="a1")
    fleet.wait_for_status("on probation", phase="probation", action_id="a1")
    agent.feed(rows(130))
    status = fleet.wait_for_status("committed", phase="succeeded", rows_scored=130)
    assert [held.bundle_sha256 for held in status.slots] == [slot.sha256]
    wait_until(lambda: len(fleet.reports) == 2, "two windows")
    assert [report.rows for report in fleet.reports] == [60, 60]
    assert agent.end() == 0
    wait_until(lambda: not fleet.births[-1].online, "farewell")
