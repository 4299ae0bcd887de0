"""The agent as a real process, with a real broker and a real TUF repository."""

import json
import resource
import signal
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from device_contract.assignment import AssignedSlot
from device_contract.policy import Policy
from device_contract.topics import down
from edge_agent.settings import read_settings
from edge_agent.status import describe
from edge_agent.update.journal import Journal
from tests.edge_agent.bundles import assigned, make_bundle
from tests.edge_agent.conftest import AgentProcess
from tests.edge_agent.fleet_simulator import DEVICE, FleetSimulator
from tests.support.waiting import wait_until

pytestmark = pytest.mark.slow
T0_MS = 1_700_000_000_000 - 1_700_000_000_000 % 60_000
Start = Callable[..., AgentProcess]


def rows(count: int, start: int = 0) -> bytes:
    """Return rows a second apart, in windows of a minute."""
    lines = ({"time": T0_MS + 1000 * n, "left": 1.0, "right": n % 3} for n in range(start, start + count))
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)


def release(fleet: FleetSimulator, version: str, **options: Any) -> AssignedSlot:
    bundle = make_bundle(version, **options)
    fleet.repository.add(f"pump/{version}/portable.bundle", bundle)
    return assigned(version, bundle)


def hold(fleet: FleetSimulator, agent: AgentProcess, version: str = "1.0") -> AssignedSlot:
    """Bring a version to the device and commit it with 20 rows."""
    slot = release(fleet, version)
    fleet.assign(slot, action_id=f"action-{version}")
    fleet.wait_for_status("on probation", phase="probation", action_id=f"action-{version}")
    agent.feed(rows(20))
    fleet.wait_for_status("committed", phase="succeeded", action_id=f"action-{version}")
    return slot


def test_first_assignment_is_prepared_watched_committed_and_reported(fleet: FleetSimulator, start_agent: Start) -> None:
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


def test_an_ended_agent_spools_its_open_window_and_the_next_one_sends_it(
    fleet: FleetSimulator, start_agent: Start, state_dir: Path
) -> None:
    fleet.start_broker()
    agent = start_agent()
    hold(fleet, agent)
    fleet.acknowledges = False
    assert agent.end() == 0
    assert len(list((state_dir / "outbox").iterdir())) == 1
    fleet.acknowledges = True
    start_agent()
    report = wait_until(lambda: fleet.reports, "the report")[0]
    assert (report.rows, report.window_start_ms, report.version) == (20, T0_MS, "1.0")
    wait_until(lambda: not list((state_dir / "outbox").iterdir()), "the ack")
    fleet.wait_for_status("rows are counted since enrolment", rows_scored=20)


def test_a_report_is_sent_until_it_is_acknowledged(fleet: FleetSimulator, start_agent: Start) -> None:
    fleet.start_broker()
    fleet.acknowledges = False
    agent = start_agent()
    hold(fleet, agent)
    agent.feed(rows(60, start=20))
    status = wait_until(
        lambda: next((one for one in fleet.statuses if one.counters.get("reports_resent")), None), "sent again"
    )
    assert status.outbox_reports == 1
    fleet.acknowledges = True
    wait_until(lambda: fleet.reports, "sent again")
    fleet.wait_for_status("empty", outbox_reports=0)


def test_a_killed_agent_goes_on_with_its_model_and_its_reports(fleet: FleetSimulator, start_agent: Start) -> None:
    fleet.start_broker()
    agent = start_agent()
    hold(fleet, agent)
    fleet.acknowledges = False
    agent.feed(rows(100, start=20))
    fleet.wait_for_status("a report waits", outbox_reports=1)
    agent.end(signal.SIGKILL)
    wait_until(lambda: not fleet.births[-1].online, "last will")
    fleet.acknowledges = True
    second = start_agent()
    wait_until(lambda: fleet.reports, "the report")
    second.feed(rows(5, start=200))
    status = fleet.wait_for_status("empty outbox", outbox_reports=0)
    assert [held.version for held in status.slots] == ["1.0"]
    assert [report.rows for report in fleet.reports] == [60]


def test_a_second_version_replaces_the_first_and_windows_do_not_mix(
    fleet: FleetSimulator, start_agent: Start, state_dir: Path
) -> None:
    fleet.start_broker()
    agent = start_agent()
    hold(fleet, agent)
    second = hold(fleet, agent, "2.0")
    wait_until(lambda: fleet.reports, "the first version's window")
    assert [(report.version, report.rows) for report in fleet.reports] == [("1.0", 20)]
    assert [path.stem for path in (state_dir / "bundles").iterdir()] == [second.sha256]


def test_an_assignment_of_no_slots_empties_the_device_at_once(
    fleet: FleetSimulator, start_agent: Start, state_dir: Path
) -> None:
    fleet.start_broker()
    agent = start_agent()
    hold(fleet, agent)
    fleet.assign(action_id="nothing")
    status = fleet.wait_for_status("emptied", phase="succeeded", action_id="nothing")
    assert status.slots == ()
    assert not list((state_dir / "bundles").iterdir())
    agent.feed(rows(5, start=20))
    wait_until(lambda: fleet.statuses[-1].counters.get("rows_without_model") == 5, "rows without a model")
    hold(fleet, agent, "2.0")


def test_a_shadow_is_reported_and_never_answers(fleet: FleetSimulator, start_agent: Start) -> None:
    fleet.start_broker()
    agent = start_agent("--sink", "stdout")
    champion, shadow = release(fleet, "1.0"), assigned("2.0", make_bundle("2.0", gain=5.0), "shadow")
    fleet.repository.add("pump/2.0/portable.bundle", make_bundle("2.0", gain=5.0))
    fleet.assign(champion, shadow, action_id="a1")
    fleet.wait_for_status("on probation", phase="probation", action_id="a1")
    agent.feed(rows(70))
    status = fleet.wait_for_status("committed", phase="succeeded", rows_scored=70)
    assert {(held.slot, held.version) for held in status.slots} == {("champion", "1.0"), ("shadow", "2.0")}
    wait_until(lambda: len(fleet.reports) == 2, "a window of each")
    assert {(one.slot, one.version, one.rows) for one in fleet.reports} == {
        ("champion", "1.0", 60),
        ("shadow", "2.0", 60),
    }
    assert agent.process.stdout is not None
    scores = [json.loads(agent.process.stdout.readline())["score"] for _ in range(70)]
    assert scores == [2.0 + n % 3 for n in range(70)]


def test_a_model_that_gives_nan_on_probation_is_rolled_back(fleet: FleetSimulator, start_agent: Start) -> None:
    fleet.start_broker()
    agent = start_agent()
    first = hold(fleet, agent)
    # Its golden rows are sound; it fails on the rows of this device (0 times infinity is NaN).
    bad = release(fleet, "2.0", gain=float("inf"))
    fleet.assign(bad, action_id="bad")
    fleet.wait_for_status("on probation", phase="probation", action_id="bad")
    agent.feed(b'{"left": 0.0, "right": 1.0}\n')
    status = fleet.wait_for_status("rolled back", phase="rolled_back", reason_code="probation_nan")
    assert [held.bundle_sha256 for held in status.slots] == [first.sha256]
    agent.feed(rows(3, start=100))
    fleet.wait_for_status("scores with the first", rows_scored=24)
    fleet.assign(bad, action_id="bad")
    fleet.wait_for_status("remembers", phase="rolled_back", assignment_sequence=fleet.sequence)


def test_a_bundle_that_kills_the_process_on_probation_is_rolled_back(
    fleet: FleetSimulator, start_agent: Start, state_dir: Path
) -> None:
    fleet.start_broker()
    agent = start_agent()
    first = hold(fleet, agent)
    fleet.assign(release(fleet, "2.0"), action_id="deadly")
    fleet.wait_for_status("on probation", phase="probation", action_id="deadly")
    for _ in range(3):
        assert Journal(state_dir).read().phase == "probation"
        boots = len(fleet.births)
        agent.end(signal.SIGKILL)
        agent = start_agent()
        wait_until(lambda boots=boots: any(birth.online for birth in fleet.births[boots:]), "back")  # type: ignore[misc]
    status = fleet.wait_for_status("rolled back", phase="rolled_back", reason_code="crash_loop")
    assert [held.bundle_sha256 for held in status.slots] == [first.sha256]


def test_an_agent_killed_while_it_prepares_goes_on_by_itself(
    fleet: FleetSimulator, start_agent: Start, state_dir: Path
) -> None:
    fleet.start_broker()
    slot = release(fleet, "1.0")
    fleet.cut_after_bytes = 0
    agent = start_agent()
    fleet.assign(slot, action_id="a1")
    wait_until(lambda: Journal(state_dir).read().phase == "preparing", "preparing")
    agent.end(signal.SIGKILL)
    fleet.publish(down(DEVICE, "assignment"), b"", retain=True)
    fleet.cut_after_bytes = None
    start_agent()
    fleet.wait_for_status("goes on from its journal", phase="probation", action_id="a1")


def _wrong_device(fleet: FleetSimulator, slot: AssignedSlot) -> None:
    fleet.assign(slot, action_id="bad", device_id="pump-8")


def _wrong_key(fleet: FleetSimulator, slot: AssignedSlot) -> None:
    fleet.assign(slot, action_id="bad", key=Ed25519PrivateKey.generate())


def _expired(fleet: FleetSimulator, slot: AssignedSlot) -> None:
    fleet.assign(slot, action_id="bad", expires_ms=1)


def _other_digest(fleet: FleetSimulator, slot: AssignedSlot) -> None:
    fleet.assign(msgspec.structs.replace(slot, sha256="f" * 64), action_id="bad")


def _unknown_target(fleet: FleetSimulator, slot: AssignedSlot) -> None:
    fleet.assign(msgspec.structs.replace(slot, target_path="pump/9.9/portable.bundle"), action_id="bad")


def _revoked(fleet: FleetSimulator, slot: AssignedSlot) -> None:
    fleet.repository.policy = Policy(release_floors={}, revoked=(slot.sha256,))
    fleet.repository.publish()
    fleet.assign(slot, action_id="bad")


def _below_floor(fleet: FleetSimulator, slot: AssignedSlot) -> None:
    fleet.repository.policy = Policy(release_floors={"pump": 2}, revoked=())
    fleet.repository.publish()
    fleet.assign(slot, action_id="bad")


def _stale_metadata(fleet: FleetSimulator, slot: AssignedSlot) -> None:
    fleet.repository.publish(expires=datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1))
    fleet.assign(slot, action_id="bad")


def _wrong_profile(fleet: FleetSimulator, _slot: AssignedSlot) -> None:
    fleet.assign(release(fleet, "3.0", profile="cortex-m4"), action_id="bad")


def _wrong_scores(fleet: FleetSimulator, _slot: AssignedSlot) -> None:
    fleet.assign(release(fleet, "3.0", gain=2.0, proved_gain=2.5), action_id="bad")


def _no_bundle(fleet: FleetSimulator, _slot: AssignedSlot) -> None:
    rubbish = b"rubbish" * 300
    fleet.repository.add("pump/3.0/portable.bundle", rubbish)
    fleet.assign(assigned("3.0", rubbish), action_id="bad")


def _other_model(fleet: FleetSimulator, _slot: AssignedSlot) -> None:
    bundle = make_bundle("3.0")
    fleet.repository.add("pump/4.0/portable.bundle", bundle)
    fleet.assign(assigned("4.0", bundle), action_id="bad")


@pytest.mark.parametrize(
    ("attack", "reason"),
    [
        (_wrong_device, "assignment_wrong_device"),
        (_wrong_key, "assignment_signature"),
        (_expired, "assignment_expired"),
        (_other_digest, "target_mismatch"),
        (_unknown_target, "target_unknown"),
        (_revoked, "bundle_revoked"),
        (_below_floor, "release_below_floor"),
        (_stale_metadata, "metadata_expired"),
        (_wrong_profile, "wrong_profile"),
        (_wrong_scores, "self_test_failed"),
        (_no_bundle, "bundle_malformed"),
        (_other_model, "bundle_wrong_model"),
    ],
)
def test_what_is_not_vouched_for_is_refused_and_scoring_goes_on(
    fleet: FleetSimulator, start_agent: Start, attack: Callable[[FleetSimulator, AssignedSlot], None], reason: str
) -> None:
    fleet.start_broker()
    agent = start_agent()
    first = hold(fleet, agent)
    attack(fleet, release(fleet, "2.0"))
    status = fleet.wait_for_status("refused", reason_code=reason, action_id="bad")
    assert status.phase in {"rejected", "failed"}
    agent.feed(rows(5, start=20))
    status = fleet.wait_for_status("still scores", rows_scored=25)
    assert [held.bundle_sha256 for held in status.slots] == [first.sha256]


def test_garbage_and_old_assignments_are_counted_and_ignored(fleet: FleetSimulator, start_agent: Start) -> None:
    fleet.start_broker()
    agent = start_agent()
    old = fleet.assignment(release(fleet, "0.9"), action_id="old")
    hold(fleet, agent)
    for garbage in (b"rubbish", b"\xc1", b"\x93\x02\xa0\xa0"):
        fleet.publish(down(DEVICE, "assignment"), garbage)
    fleet.publish(down(DEVICE, "ack"), b"\x00")
    fleet.publish(down(DEVICE, "ack"), bytes(98_400))
    fleet.publish(down(DEVICE, "assignment"), old)
    expected = {"messages_malformed": 4, "messages_oversized": 1, "assignments_stale": 1}
    status = wait_until(
        lambda: next((one for one in fleet.statuses if expected.items() <= one.counters.items()), None), "counted"
    )
    assert status.phase == "succeeded"


def test_bad_rows_are_counted_by_reason_and_never_stop_the_rest(fleet: FleetSimulator, start_agent: Start) -> None:
    fleet.start_broker()
    agent = start_agent("--sink", "stdout")
    hold(fleet, agent)
    agent.feed(b'rubbish\n[1]\n[1, 2, 3]\n{"left": 1}\n[1, "two"]\n[1, null]\n[1, "NaN"]\n["Infinity", 1]\n{}}\n5\n')
    agent.feed(b'{"left": 1, "right": 2, "time": "yesterday"}\n' + b"[" + b"1," * 600_000 + b"1]\n" + b"[1, 2]\n")
    expected = {"row_malformed": 5, "row_width": 2, "row_missing_feature": 1, "row_text": 1, "row_nan": 2}
    status = wait_until(
        lambda: next((one for one in fleet.statuses if one.rows_scored == 24 and one.counters.get("row_text")), None),
        "counted",
    )
    assert expected.items() <= status.counters.items()
    assert status.counters["row_infinite"] == 1
    assert agent.process.stdout is not None
    scores = [json.loads(agent.process.stdout.readline()) for _ in range(24)]
    assert [score["score"] for score in scores[20:]] == [None, None, None, 4.0]


def test_a_broker_that_is_away_is_found_when_it_comes(
    fleet: FleetSimulator, start_agent: Start, state_dir: Path
) -> None:
    agent = start_agent()
    agent.feed(b"[1, 2]\n")
    wait_until(lambda: describe(state_dir, read_settings(state_dir))["counters"].get("connection_losses"), "counted")
    fleet.start_broker()
    status = fleet.wait_for_status("greets", phase="idle")
    assert status.counters["rows_without_model"] == 1
    fleet.stop_broker()
    wait_until(lambda: not describe(state_dir, read_settings(state_dir))["connected"], "lost")
    fleet.births.clear()
    fleet.start_broker()
    wait_until(lambda: fleet.births and fleet.births[-1].online, "greets again")


def test_a_replay_waits_for_a_model_and_the_agent_outlives_it(
    fleet: FleetSimulator, start_agent: Start, tmp_path: Path
) -> None:
    fleet.start_broker()
    recording = tmp_path / "rows.csv"
    lines = [f"{T0_MS + 1000 * n},1.0,{n % 3},ignored\n" for n in range(150)]
    recording.write_text("time,left,right,note\n" + "".join(lines))
    start_agent("--source", f"replay:{recording}?speed=5000")
    fleet.wait_for_status("greets", phase="idle", rows_scored=0)
    fleet.assign(release(fleet, "1.0"), action_id="a1")
    fleet.wait_for_status("all replayed", phase="succeeded", rows_scored=150, outbox_reports=0)
    assert [report.rows for report in fleet.reports] == [60, 60, 30]


def test_rows_from_a_topic_of_a_local_broker(fleet: FleetSimulator, start_agent: Start, local_broker: Any) -> None:
    fleet.start_broker()
    start_agent("--source", f"mqtt:127.0.0.1:{local_broker.port}/plant/pump")
    fleet.assign(release(fleet, "1.0"), action_id="a1")
    fleet.wait_for_status("on probation", phase="probation")
    wait_until(local_broker.has_reader, "subscribed")
    local_broker.publish("plant/pump", [*list(rows(20).splitlines()), b"rubbish"])
    status = fleet.wait_for_status("scored", phase="succeeded", rows_scored=20)
    wait_until(lambda: fleet.statuses[-1].counters.get("row_malformed") == 1, "counted")
    assert status.slots[0].version == "1.0"


def test_a_full_disk_stops_neither_scoring_nor_reports_nor_updates_for_good(
    fleet: FleetSimulator, start_agent: Start
) -> None:
    fleet.start_broker()
    agent = start_agent()
    hold(fleet, agent)
    limits = resource.prlimit(agent.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(agent.process.pid, resource.RLIMIT_FSIZE, (0, limits[1]))  # no file may grow
    agent.feed(rows(120, start=20))
    status = fleet.wait_for_status("still scores", rows_scored=140, outbox_reports=0)
    assert status.counters["outbox_write_errors"] >= 2
    assert [report.rows for report in fleet.reports] == [60, 60]
    fleet.assign(release(fleet, "2.0"), action_id="a2")
    wait_until(lambda: fleet.statuses[-1].counters.get("journal_write_errors"), "the update waits")
    resource.prlimit(agent.process.pid, resource.RLIMIT_FSIZE, limits)
    fleet.wait_for_status("on probation", phase="probation", action_id="a2")


def test_a_broker_that_speaks_mqtt_3_alone(fleet: FleetSimulator, start_agent: Start) -> None:
    fleet.start_amqtt()
    agent = start_agent()
    fleet.wait_for_status("greets", phase="idle")
    hold(fleet, agent)
    assert "with MQTTv311" in agent.log


def test_two_agents_do_not_share_a_folder(fleet: FleetSimulator, start_agent: Start) -> None:
    fleet.start_broker()
    start_agent()
    fleet.wait_for_status("greets", phase="idle")
    second = start_agent()
    assert second.process.wait(timeout=120) == 6
    assert "another agent runs with" in second.log
