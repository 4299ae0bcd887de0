"""What an agent sends beside counts: rows by leave, labels, metrics; as a real process with a real broker."""

import json
import math
import signal
from array import array
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import edge_agent
from device_contract.assignment import AssignedSlot, SamplingPolicy
from device_contract.messages import Report
from device_contract.sketches import WindowSummary, decode_summary
from tests.edge_agent.bundles import assigned, baseline, doubles, make_bundle
from tests.edge_agent.conftest import AgentProcess
from tests.edge_agent.fleet_simulator import FleetSimulator
from tests.support.waiting import wait_until

pytestmark = pytest.mark.slow
T0_MS = 1_700_000_000_000 - 1_700_000_000_000 % 60_000
KEY = "0f" * 16
Start = Callable[..., AgentProcess]


def rows(start: int, stop: int) -> bytes:
    """Return rows a second apart, in windows of a minute."""
    lines = ({"time": T0_MS + 1000 * n, "left": float(n), "right": 0.5} for n in range(start, stop))
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)


def say(**what: Any) -> bytes:
    return json.dumps({f"${name}": value for name, value in what.items()}).encode() + b"\n"


def summary_of(report: Report) -> WindowSummary:
    return decode_summary(report.summary, baseline())


@dataclass
class Site:
    """A fleet whose device scores with a model that explains itself."""

    fleet: FleetSimulator
    slot: AssignedSlot

    def allow(self, policy: SamplingPolicy | None, sequence_of: str = "again", **changes: Any) -> None:
        """Assign the same slots with another leave, and wait until the device has verified it."""
        self.fleet.assign(self.slot, action_id="a1", sampling=policy, **changes)
        self.fleet.wait_for_status(sequence_of, phase="succeeded", assignment_sequence=self.fleet.sequence)


@pytest.fixture
def site(fleet: FleetSimulator, start_agent: Start) -> tuple[Site, AgentProcess]:
    fleet.start_broker()
    bundle = make_bundle("1.0", reference=doubles(1.0, 0.5))
    fleet.repository.add("pump/1.0/portable.bundle", bundle)
    made = Site(fleet, assigned("1.0", bundle))
    fleet.assign(made.slot, action_id="a1")
    agent = start_agent("--sink", "stdout")
    fleet.wait_for_status("on probation", phase="probation")
    agent.feed(rows(0, 20))
    fleet.wait_for_status("committed", phase="succeeded")
    return made, agent


def test_no_row_leaves_without_leave_and_then_no_more_than_allowed(site: tuple[Site, AgentProcess]) -> None:
    made, agent = site
    agent.feed(rows(20, 61))
    wait_until(lambda: len(made.fleet.reports) == 1, "a window")
    made.allow(SamplingPolicy(rows_per_window=7, key=KEY, redacted=("left", "other"), explain=True))
    agent.feed(rows(61, 181))
    wait_until(lambda: made.fleet.samples, "a sample")
    made.fleet.wait_for_status("all acknowledged", outbox_reports=0)
    (sample,) = made.fleet.samples
    # The window in which leave came had begun without it.
    assert sample.window_start_ms == T0_MS + 120_000
    assert (sample.rows_seen, len(sample.rows), sample.redacted) == (60, 7, ("left",))
    assert [row.row for row in sample.rows] == sorted(row.row for row in sample.rows)
    for row in sample.rows:
        left, right = array("f", row.values)
        assert math.isnan(left)
        assert right == 0.5
        hidden, contribution = array("f", row.contributions)
        assert math.isnan(hidden)
        assert contribution == 0.0
        assert array("d", row.outputs).tolist() == [2.0 * (row.row - 1) + 0.5]
    assert [summary_of(report).attributions.rows for report in made.fleet.reports] == [60, 60, 60]
    made.allow(None)
    agent.feed(rows(181, 301))
    wait_until(lambda: len(made.fleet.reports) == 5, "windows")
    assert len(made.fleet.samples) == 1


def test_leave_that_has_run_out_or_asks_for_more_rows_sends_none(site: tuple[Site, AgentProcess]) -> None:
    made, agent = site
    made.allow(SamplingPolicy(rows_per_window=7, key=KEY, minimum_rows=61))
    agent.feed(rows(20, 181))
    status = made.fleet.wait_for_status("withheld", rows_scored=181)
    assert status.counters["samples_withheld"] == 2
    assert made.fleet.samples == []


def test_labels_and_metrics_come_from_standard_input(site: tuple[Site, AgentProcess]) -> None:
    made, agent = site
    agent.feed(say(observe={"parts": 2, "heat": 71.5}) + say(observe={"parts": 3, "heat": "hot"}))
    agent.feed(rows(20, 61))
    assert agent.process.stdout is not None
    scored = [json.loads(agent.process.stdout.readline()) for _ in range(61)]
    assert [one["row"] for one in scored] == list(range(1, 62))
    agent.feed(say(feedback={"row": 3, "label": "worn"}) + say(feedback={"time": T0_MS + 7000, "label": 1.5}))
    agent.feed(say(feedback={"row": 10**9, "label": 1}) + say(feedback={"label": 1}))
    wait_until(lambda: made.fleet.feedback, "labels")
    worn, by_time, unknown = made.fleet.feedback[0].labels
    assert (worn.row, worn.label, array("d", worn.outputs).tolist()) == (3, "worn", [4.5])
    assert (by_time.row, by_time.label, array("d", by_time.outputs).tolist()) == (8, 1.5, [14.5])
    assert (unknown.row, unknown.outputs) == (10**9, b"")
    summary = summary_of(made.fleet.reports[0])
    assert {name: (metric.count, metric.sum) for name, metric in summary.metrics.items()} == {
        "heat": (1, 71.5),
        "parts": (2, 5.0),
    }
    assert summary.resources.cpu_ns > 0
    assert 5 << 20 < summary.resources.peak_rss_bytes < 200 << 20
    status = made.fleet.wait_for_status("counted", rows_scored=61)
    assert status.counters == {"feedback_refused": 1, "feedback_unmatched": 1, "metrics_refused": 1}


def test_a_label_finds_its_row_after_the_agent_was_killed(site: tuple[Site, AgentProcess], state_dir: Path) -> None:
    made, agent = site
    agent.feed(rows(20, 30))
    made.fleet.wait_for_status("scored", rows_scored=30)
    agent.end(signal.SIGKILL)
    with edge_agent.Agent(state_dir) as again:
        assert again.wait_for_model(20)
        again.observe("parts", 4)
        scored = again.score([1.0, 2.0])
        assert scored is not None
        assert scored.row == 31
        assert again.feedback(1.0, row=30)
        assert not again.feedback(math.nan, row=30)
        wait_until(lambda: made.fleet.feedback, "a label")
    (label,) = made.fleet.feedback[0].labels
    assert (label.row, array("d", label.outputs).tolist()) == (30, [58.5])
