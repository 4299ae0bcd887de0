from pathlib import Path

import pytest

from edge_agent.errors import StateError
from edge_agent.update.journal import Journal
from edge_agent.update.machine import UpdateState
from edge_agent.update.offer import Offer
from tests.edge_agent.bundles import assigned, make_bundle


def test_round_trip(tmp_path: Path) -> None:
    offer = Offer(envelope=b"\x00\xff", repository_url="https://fleet", action_id="a", sequence=3)
    state = UpdateState(phase="preparing", offer=offer, committed=(assigned("1.0", make_bundle("1.0")),))
    Journal(tmp_path).write(state)
    assert Journal(tmp_path).read() == state


def test_a_new_device_starts_idle(tmp_path: Path) -> None:
    assert Journal(tmp_path).read() == UpdateState()


@pytest.mark.parametrize("data", [b"", b"{", b'{"phase": "dancing"}', b'{"schema_version": 2}', b"\xff"])
def test_a_damaged_journal_is_never_taken_for_an_empty_one(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "journal.json").write_bytes(data)
    with pytest.raises(StateError, match="damaged"):
        Journal(tmp_path).read()


def test_a_write_that_fails_leaves_the_old_state(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.write(UpdateState(action_id="old"))
    (tmp_path / ".journal.json.tmp").mkdir()  # no file can be written under this name
    with pytest.raises(OSError, match="directory"):
        journal.write(UpdateState(action_id="new"))
    assert journal.read().action_id == "old"
