"""The scoring loop: nothing stops it, and rows leave it only while they may."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import pytest

from device_contract.assignment import AssignedSlot, SamplingPolicy
from edge_agent.counters import Counters
from edge_agent.drawing import Leave
from edge_agent.inference import InferenceLoop
from edge_agent.lanes import Lane
from edge_agent.predictions import Predictions
from edge_agent.rows import Record
from edge_agent.summary import ClosedWindow
from tests.edge_agent.bundles import assigned, doubles, make_bundle

MINUTE_MS = 60_000
POLICY = SamplingPolicy(rows_per_window=3, key="0" * 32)


@dataclass
class Shelf:
    """Keeps windows and samples; while it is full it refuses them."""

    windows: list[tuple[str, ClosedWindow]] = field(default_factory=list)
    samples: list[ClosedWindow] = field(default_factory=list)
    is_full: bool = False

    def keep(self, slot: AssignedSlot, _baseline_sha256: str, window: ClosedWindow) -> None:
        if self.is_full:
            raise RuntimeError("the shelf is full")
        self.windows.append((slot.slot, window))

    def keep_sample(self, _slot: Any, _features: Any, window: ClosedWindow, policy: SamplingPolicy) -> None:
        assert policy == POLICY
        self.samples.append(window)


class Loop:
    """A loop over real lanes, and a clock that stands still."""

    def __init__(self, folder: Path) -> None:
        self.now_ms = 10**12
        self.counters = Counters(lambda: 0.0)
        self.shelf = Shelf()
        predictions = Predictions(folder, 100, self.counters)
        self.inference = InferenceLoop(self.counters, self.shelf, None, lambda: self.now_ms, predictions)
        self._path = folder / "pump.bundle"
        self._path.write_bytes(make_bundle("1.0", reference=doubles(0.0, 0.0)))

    def hold(self, *slots: str) -> None:
        bundle = self._path.read_bytes()
        lanes = tuple(Lane(assigned("1.0", bundle, slot), self._path, MINUTE_MS) for slot in slots)
        self.inference.use(lanes)

    def score(self, minute: int, rows: int = 5) -> list[float | None]:
        scored = [self.inference.score(Record([1.0, n], minute * MINUTE_MS + n)) for n in range(rows)]
        return [one.outputs[0] if one is not None else None for one in scored]


@pytest.fixture
def loop(tmp_path: Path) -> Loop:
    return Loop(tmp_path)


def test_rows_leave_by_leave_that_still_holds_when_their_window_closes(loop: Loop) -> None:
    loop.hold("champion")
    for minute, leave in enumerate(
        [
            Leave(POLICY, loop.now_ms + 1),  # begins with window 1, still holds
            Leave(POLICY, loop.now_ms + 2),  # issued again: the same policy
            Leave(msgspec.structs.replace(POLICY, rows_per_window=2), loop.now_ms + 1),  # changed in window 2
            None,  # withdrawn in window 3
            Leave(POLICY, loop.now_ms),  # has run out
        ]
    ):
        loop.score(minute)
        loop.inference.allow(leave)
    loop.score(5)
    loop.inference.close_all()
    assert [window.start_ms // MINUTE_MS for window in loop.shelf.samples] == [1]
    assert len(loop.shelf.samples[0].rows) == 3
    assert len(loop.shelf.windows) == 6


def test_the_shadow_sends_no_rows_and_takes_no_metrics(loop: Loop) -> None:
    loop.inference.allow(Leave(POLICY, loop.now_ms + 1))
    loop.hold("champion", "shadow")
    loop.inference.gauges.observe("parts", 3)
    loop.score(0)
    loop.inference.close_all()
    assert len(loop.shelf.samples) == 1
    windows = dict(loop.shelf.windows)
    assert {slot: list(window.summary.metrics) for slot, window in windows.items()} == {
        "champion": ["parts"],
        "shadow": [],
    }
    assert windows["shadow"].summary.attributions.rows == 5
    assert windows["shadow"].summary.resources.cpu_ns == 0


def test_a_fault_in_the_statistics_is_counted_and_scoring_goes_on(loop: Loop) -> None:
    loop.hold("champion")
    loop.score(0)
    loop.shelf.is_full = True
    assert loop.score(1) == [2.0, 3.0, 4.0, 5.0, 6.0]
    loop.inference.close_all()
    assert loop.counters.snapshot() == {"statistics_errors": 2}
    loop.shelf.is_full = False
    assert loop.score(2) == [2.0, 3.0, 4.0, 5.0, 6.0]
    loop.inference.close_all()
    assert [window.start_ms // MINUTE_MS for _, window in loop.shelf.windows] == [2]


def test_rows_are_numbered_only_where_a_model_answers(loop: Loop) -> None:
    assert loop.score(0, 2) == [None, None]
    loop.hold("shadow")
    assert loop.score(0, 2) == [None, None]
    loop.hold("shadow", "champion")
    assert loop.score(0, 2) == [2.0, 3.0]
    assert loop.inference.rows_scored == 2
    assert loop.inference.version == ("pump", "1.0")
    assert loop.counters.snapshot() == {"rows_without_model": 2}
