"""The agent within an application's own process."""

from pathlib import Path

import pytest

import edge_agent
from edge_agent.errors import SettingsError, StateError
from tests.edge_agent.bundles import assigned, make_bundle
from tests.edge_agent.fleet_simulator import FleetSimulator
from tests.support.waiting import wait_until

T0_MS = 1_700_000_000_000 - 1_700_000_000_000 % 60_000


def release(fleet: FleetSimulator, version: str) -> None:
    bundle = make_bundle(version)
    fleet.repository.add(f"pump/{version}/portable.bundle", bundle)
    fleet.assign(assigned(version, bundle), action_id=version)


@pytest.mark.slow
def test_an_application_scores_and_the_fleet_sees_it(fleet: FleetSimulator, state_dir: Path) -> None:
    fleet.start_broker()
    with edge_agent.Agent(state_dir) as agent:
        assert agent.score([1.0, 2.0]) is None
        release(fleet, "1.0")
        assert agent.wait_for_model(20)
        scored = [agent.score({"left": 1.0, "right": n}, time_ms=T0_MS + 1000 * n) for n in range(61)]
        assert [one and (one.row, one.outputs) for one in scored] == [(n + 1, (2.0 + n,)) for n in range(61)]
        assert agent.score([1.0]) is None
        assert agent.score([1.0, 2.0], time_ms=2**80) is None
        assert agent.score([1.0, 2.0], time_ms=T0_MS + 61_000.0) is not None  # type: ignore[arg-type]
        assert agent.score(None) is None  # type: ignore[arg-type]
        wait_until(lambda: fleet.reports, "a window")
        assert (fleet.reports[0].rows, fleet.reports[0].version) == (60, "1.0")
        fleet.wait_for_status("counted", rows_scored=62)
        with pytest.raises(StateError, match="another agent"):
            edge_agent.Agent(state_dir)
    assert agent.score([1.0, 2.0]) is None
    wait_until(lambda: not fleet.births[-1].online, "farewell")
    with edge_agent.Agent(state_dir) as agent:
        assert agent.wait_for_model(20)
        again = agent.score([1.0, 2.0])
        assert again is not None
        assert again.row == 63


def test_a_folder_that_holds_no_device_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="no enrolled device"):
        edge_agent.Agent(tmp_path)


def test_what_could_not_be_opened_may_be_tried_again(state_dir: Path) -> None:
    (state_dir / "outbox").touch()
    for _ in range(2):
        with pytest.raises(StateError, match="outbox"):
            edge_agent.Agent(state_dir)


def test_there_is_no_third_door() -> None:
    with pytest.raises(AttributeError, match="edge_agent"):
        edge_agent.Device  # noqa: B018
