"""Deployments against the real services, on both databases."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlmodel import select

from fleet_server.audit.tables import AuditRow
from fleet_server.errors import ConflictError, InvalidRequestError, NotFoundError, UnavailableError
from fleet_server.rollouts.membership import WaveRule
from fleet_server.rollouts.policy import Thresholds
from fleet_server.rollouts.spec import DeploymentSpec
from fleet_server.rollouts.tables import DeploymentRow

DEVICES = ("t1", "t2", "t3", "t4")
WORKING = ("preparing", "staged", "activating", "probation", "succeeded")


@pytest.fixture
def turbines(fleet: Any) -> Any:
    """Four turbines, and two versions."""
    fleet.add_devices(*DEVICES)
    fleet.publish_version("1")
    fleet.publish_version("2")
    return fleet


def _finish(fleet: Any, version: str) -> str:
    deployment = fleet.deploy(version)
    for device in DEVICES:
        fleet.says(device, "succeeded")
    assert fleet.state(deployment) == "finished"
    fleet.told()
    return deployment


def test_a_version_comes_in_waves(turbines: Any) -> None:
    deployment = turbines.deploy("1", 50, 100)
    first = turbines.told()
    assert len(first) == 2
    for device in first:
        for phase in WORKING:
            assert turbines.waves(deployment) == ["running", "pending"]
            turbines.says(device, phase)
    turbines.published.clear()
    assert turbines.waves(deployment) == ["passed", "running"]
    second = turbines.told()
    assert sorted(first + second) == list(DEVICES)
    for device in second:
        turbines.says(device, "succeeded")
    assert turbines.state(deployment) == "finished"
    assert turbines.alerts == []


def test_an_assignment_says_what_to_hold(turbines: Any) -> None:
    turbines.deploy("1")
    assignment = turbines.assignment("t1")
    assert (assignment.device_id, assignment.sequence, assignment.action_id) == ("t1", 1, "d1.t1")
    slot = assignment.slots[0]
    assert (slot.slot, slot.model, slot.version, slot.target_path) == (
        "champion",
        "power",
        "1",
        "power/1/portable.bundle",
    )
    assert assignment.expires_ms - assignment.issued_ms == 1_000_000


def test_a_device_takes_the_bundle_of_its_profile(fleet: Any) -> None:
    fleet.add_devices("gateway", profile="industrial-gateway")
    fleet.add_devices("pi")
    fleet.publish_version("1", None, "industrial-gateway")
    fleet.deploy("1")
    assert fleet.assignment("gateway").slots[0].target_path == "power/1/industrial-gateway.bundle"
    assert fleet.assignment("pi").slots[0].target_path == "power/1/portable.bundle"


def test_a_device_without_a_fitting_bundle_stops_the_wave(fleet: Any) -> None:
    fleet.add_devices("gateway", profile="industrial-gateway")
    fleet.add_devices("pi")
    fleet.publish_version("1", "industrial-gateway")
    deployment = fleet.deploy("1")
    fleet.says("gateway", "succeeded")
    assert fleet.actions(deployment) == {"gateway": "succeeded", "pi": "no_variant"}
    assert fleet.state(deployment) == "paused"
    assert fleet.rollouts.get(deployment).row.reason == "missing_variant"


def test_failures_pause_and_raise_one_alert(turbines: Any) -> None:
    deployment = turbines.deploy("1", 50, 100)
    first, second = turbines.told()
    turbines.says(first, "failed", detail="self-test: 3 of 100 vectors differ")
    assert turbines.state(deployment) == "paused"
    assert turbines.state(deployment) == "paused"
    (alert,) = turbines.alerts
    assert (alert.deployment_id, alert.wave, alert.reason) == (deployment, 1, "error_threshold")
    assert alert.detail == "1 of 1 devices failed, at most 5.00% may"
    failed = turbines.rollouts.actions(deployment, limit=10, state="failed")[0]
    assert (failed.reason_code, failed.detail) == ("failed", "self-test: 3 of 100 vectors differ")
    turbines.says(second, "succeeded")
    assert turbines.waves(deployment) == ["failed", "pending"]
    turbines.rollouts.steer("operator", deployment, "pause")
    turbines.rollouts.steer("operator", deployment, "resume")
    assert [alert.is_over for alert in turbines.alerts] == [False, True]


def test_no_deployment_pauses_without_its_alert(turbines: Any) -> None:
    deployment = turbines.deploy("1", 50, 100)
    turbines.says(turbines.told()[0], "failed")
    turbines.is_alert_room_out_of_order = True
    with pytest.raises(ExceptionGroup):
        turbines.rollouts.step()
    assert turbines.rollouts.get(deployment).row.state == "running"
    turbines.is_alert_room_out_of_order = False
    assert turbines.state(deployment) == "paused"
    assert len(turbines.alerts) == 1


def test_a_deployment_that_cannot_be_read_holds_up_neither_the_others_nor_renewals(turbines: Any) -> None:
    turbines.deploy("1", 50)
    first = turbines.told()
    with turbines.database.session() as session:
        session.get_one(DeploymentRow, "d1").request = {}
    turbines.rollouts.create("operator", DeploymentSpec("power", "2", waves=(WaveRule(100),)), "d2")
    with pytest.raises(ExceptionGroup):
        turbines.rollouts.step()
    assert sorted(turbines.told()) == list(DEVICES)
    turbines.clock.advance(500)
    with pytest.raises(ExceptionGroup):
        turbines.rollouts.step()
    assert {turbines.assignment(device).sequence for device in first} == {3}


def test_to_resume_accepts_the_wave_that_stopped(turbines: Any) -> None:
    deployment = turbines.deploy("1", 50, 100)
    first, second = turbines.told()
    turbines.says(first, "failed")
    assert turbines.state(deployment) == "paused"
    turbines.rollouts.steer("operator", deployment, "resume")
    assert turbines.waves(deployment) == ["running", "pending"]
    turbines.says(second, "succeeded")
    assert turbines.waves(deployment) == ["passed", "running"]


@pytest.fixture
def cut_off(turbines: Any, monkeypatch: pytest.MonkeyPatch) -> str:
    """A deployment of which the server was cut off when the first of four devices had been offered it."""
    monkeypatch.setattr("fleet_server.rollouts.controller.OFFERS_A_STEP", 1)
    turbines.is_broker_out_of_order = True
    with pytest.raises(ExceptionGroup):
        turbines.deploy("1")
    turbines.is_broker_out_of_order = False
    return "d1"


def test_a_wave_that_was_cut_off_goes_on_where_it_was(turbines: Any, cut_off: str) -> None:
    (wave,) = turbines.rollouts.get(cut_off).waves
    assert (wave.row.state, wave.counts) == ("running", {"offered": 1, "queued": 3})
    turbines.rollouts.publish_all()  # as when the server starts anew and joins the broker
    turbines.rollouts.step()
    assert sorted(turbines.told()) == list(DEVICES)
    for device in DEVICES:
        turbines.says(device, "succeeded")
        assert turbines.assignment(device).sequence == 1
    assert turbines.state(cut_off) == "finished"


def test_a_wave_that_was_cut_off_offers_nothing_while_it_is_stopped(turbines: Any, cut_off: str) -> None:
    turbines.rollouts.publish_all()
    turbines.rollouts.steer("operator", cut_off, "pause")
    turbines.rollouts.step()
    (first,) = turbines.told()
    turbines.says(first, "failed")
    turbines.rollouts.steer("operator", cut_off, "resume")
    assert turbines.state(cut_off) == "paused"
    assert (turbines.waves(cut_off), len(turbines.alerts)) == (["failed"], 1)
    turbines.rollouts.steer("operator", cut_off, "resume")
    assert turbines.waves(cut_off) == ["running"]
    assert sorted({first, *turbines.told()}) == list(DEVICES)


def test_an_abort_takes_back_a_wave_that_was_cut_off(turbines: Any, cut_off: str) -> None:
    turbines.rollouts.steer("operator", cut_off, "abort")
    states = sorted(turbines.actions(cut_off).values())
    assert states == ["canceled", "canceled", "canceled", "canceled", "offered"]


def test_a_paused_deployment_starts_no_wave(turbines: Any) -> None:
    deployment = turbines.deploy("1", 50, 100)
    first = turbines.told()
    turbines.rollouts.steer("operator", deployment, "pause")
    for device in first:
        turbines.says(device, "succeeded")
    turbines.published.clear()
    assert turbines.waves(deployment) == ["running", "pending"]
    turbines.rollouts.steer("operator", deployment, "resume")
    assert turbines.waves(deployment) == ["passed", "running"]


def test_silence_and_slowness_end_by_two_clocks(turbines: Any) -> None:
    deployment = turbines.deploy(
        "1", offer_timeout_s=100, action_timeout_s=10, error_threshold=1, success_threshold=0.5
    )
    turbines.says("t1", "preparing")
    turbines.says("t2", "succeeded")
    turbines.clock.advance(9.999)
    assert turbines.actions(deployment)["t1"] == "in_progress"
    turbines.clock.advance(0.001)
    assert turbines.actions(deployment) == {"t1": "timed_out", "t2": "succeeded", "t3": "offered", "t4": "offered"}
    turbines.clock.advance(89.999)
    assert turbines.actions(deployment)["t3"] == "offered"
    turbines.clock.advance(0.001)
    assert turbines.actions(deployment)["t3"] == "unreachable"
    assert turbines.state(deployment) == "finished"
    turbines.says("t1", "succeeded")
    turbines.says("t3", "failed")
    assert turbines.actions(deployment) == {
        "t1": "succeeded",
        "t2": "succeeded",
        "t3": "failed",
        "t4": "unreachable",
    }


def test_nobody_there_is_inconclusive(turbines: Any) -> None:
    deployment = turbines.deploy("1", offer_timeout_s=100)
    turbines.clock.advance(100)
    assert turbines.waves(deployment) == ["inconclusive"]
    assert turbines.rollouts.get(deployment).row.reason == "no_data"


def test_statuses_in_any_order_never_move_an_action_back(turbines: Any) -> None:
    deployment = turbines.deploy("1")
    turbines.says("t1", "succeeded")
    for phase in ("preparing", "failed", "idle"):
        turbines.says("t1", phase)
    assert turbines.actions(deployment)["t1"] == "succeeded"


def test_success_without_the_slots_is_not_believed(turbines: Any) -> None:
    deployment = turbines.deploy("1")
    turbines.says("t1", "probation")
    assert turbines.actions(deployment)["t1"] == "in_progress"
    old = turbines.assignment("t1")
    turbines.deploy("2")
    turbines.says("t1", "succeeded", action_id=old.action_id)
    assert turbines.actions(deployment)["t1"] == "superseded"
    assert turbines.actions("d2")["t1"] == "offered"


def test_a_device_cannot_speak_for_another(turbines: Any) -> None:
    deployment = turbines.deploy("1")
    turbines.says("t1", "succeeded", action_id="d1.t2")
    assert turbines.actions(deployment)["t2"] == "offered"


def test_a_later_deployment_supersedes_whatever_the_earlier_one_still_meant(turbines: Any) -> None:
    earlier = turbines.deploy("1", 50, 100)
    turbines.clock.advance(1)
    later = turbines.deploy("2")
    assert set(turbines.actions(earlier).values()) == {"superseded"}
    for device in DEVICES:
        assert turbines.assignment(device).slots[0].version == "2"
        turbines.says(device, "succeeded")
    assert turbines.state(later) == "finished"
    assert turbines.state(earlier) == "aborted"
    assert turbines.rollouts.get(earlier).row.reason == "superseded"
    assert turbines.alerts == []


def test_an_earlier_deployment_does_not_supersede_a_later_one(turbines: Any) -> None:
    earlier = turbines.deploy("1", 50, 100)
    first = turbines.told()
    turbines.clock.advance(1)
    later = turbines.deploy("2", 25, 100)
    taken = turbines.told()
    for device in set(first) - set(taken):
        turbines.says(device, "succeeded")
    turbines.rollouts.step()
    assert list(turbines.actions(later).values()).count("queued") == 3
    assert turbines.rollouts.get(earlier).row.state in {"running", "finished"}


def test_the_same_version_again_is_installed_already(turbines: Any) -> None:
    _finish(turbines, "1")
    again = turbines.deploy("1", deployment_id="again")
    assert set(turbines.actions(again).values()) == {"already_installed"}
    assert turbines.state(again) == "finished"
    assert turbines.told() == []


def test_abort_leaves_the_ended_and_returns_the_others(turbines: Any) -> None:
    _finish(turbines, "1")
    turbines.clock.advance(1)
    deployment = turbines.deploy("2", 50, 100)
    done, working = turbines.told()
    turbines.says(done, "succeeded")
    turbines.says(working, "preparing")
    turbines.rollouts.steer("operator", deployment, "abort")
    assert turbines.assignment(working).slots[0].version == "1"
    assert turbines.assignment(done).slots[0].version == "2"
    states = turbines.actions(deployment)
    assert (states[done], states[working], states[f"{working}.back"]) == ("succeeded", "canceled", "offered")
    assert sorted(states.values()) == ["canceled", "canceled", "canceled", "offered", "succeeded"]
    turbines.says(working, "succeeded")
    assert turbines.actions(deployment)[f"{working}.back"] == "succeeded"
    assert turbines.state(deployment) == "aborted"


def test_rollback_gives_every_member_its_previous_version(turbines: Any) -> None:
    _finish(turbines, "1")
    turbines.clock.advance(1)
    deployment = turbines.deploy("2")
    turbines.says("t1", "succeeded")
    turbines.says("t2", "failed")
    turbines.says("t3", "preparing")
    turbines.rollouts.steer("operator", deployment, "rollback")
    sequences = {device: turbines.assignment(device).sequence for device in DEVICES}
    assert {turbines.assignment(device).slots[0].version for device in DEVICES} == {"1"}
    assert set(sequences.values()) == {3}
    assert turbines.state(deployment) == "rolling_back"
    for device in DEVICES:
        turbines.says(device, "succeeded")
    assert turbines.state(deployment) == "rolled_back"
    assert turbines.rollouts.get(deployment).row.detail == "4 of 4 devices are back"


def test_a_rollback_ends_without_the_devices_that_stay_away(turbines: Any) -> None:
    _finish(turbines, "1")
    turbines.clock.advance(1)
    deployment = turbines.deploy("2", offer_timeout_s=100)
    turbines.rollouts.steer("operator", deployment, "rollback")
    turbines.clock.advance(100)
    assert turbines.state(deployment) == "rolled_back"
    assert turbines.rollouts.get(deployment).row.detail == "0 of 4 devices are back"


def test_the_first_deployment_rolls_back_to_no_model(turbines: Any) -> None:
    deployment = _finish(turbines, "1")
    turbines.rollouts.steer("operator", deployment, "rollback")
    assert {turbines.assignment(device).slots for device in DEVICES} == {()}
    for device in DEVICES:
        turbines.says(device, "succeeded")
    assert turbines.state(deployment) == "rolled_back"


def test_a_rollback_leaves_alone_what_a_later_deployment_brought(turbines: Any) -> None:
    earlier = _finish(turbines, "1")
    turbines.clock.advance(1)
    _finish(turbines, "2")
    turbines.rollouts.steer("operator", earlier, "rollback")
    assert turbines.told() == []
    assert turbines.state(earlier) == "rolled_back"


def test_a_revoked_device_is_removed(turbines: Any) -> None:
    deployment = turbines.deploy("1", 50, 100)
    first = turbines.told()
    waiting = next(device for device in DEVICES if device not in first)
    turbines.devices.revoke("operator", waiting)
    for device in first:
        turbines.says(device, "succeeded")
    assert turbines.actions(deployment)[waiting] == "removed"


def test_the_same_request_twice_makes_one_deployment(turbines: Any) -> None:
    spec = DeploymentSpec("power", "1")
    assert turbines.rollouts.create("operator", spec, "mine") == ("mine", True)
    assert turbines.rollouts.create("operator", spec, "mine") == ("mine", False)
    other = DeploymentSpec("power", "1", thresholds=Thresholds(soak_s=5))
    with pytest.raises(ConflictError, match="mine"):
        turbines.rollouts.create("operator", other, "mine")


def test_the_same_request_at_the_same_moment_makes_one_deployment(turbines: Any) -> None:
    spec = DeploymentSpec("power", "1")
    with ThreadPoolExecutor() as pool:
        answers = list(pool.map(lambda _: turbines.rollouts.create("operator", spec, "mine"), range(8)))
    assert sorted(is_new for _, is_new in answers) == [False] * 7 + [True]


def test_what_cannot_be_meant_is_refused(turbines: Any) -> None:
    create = turbines.rollouts.create
    with pytest.raises(NotFoundError, match="'9'"):
        create("operator", DeploymentSpec("power", "9"), None)
    with pytest.raises(InvalidRequestError, match="no active device"):
        create("operator", DeploymentSpec("power", "1", target_labels={"site": "moon"}), None)
    with pytest.raises(InvalidRequestError, match="must rise"):
        create("operator", DeploymentSpec("power", "1", waves=(WaveRule(50), WaveRule(50))), None)
    with pytest.raises(NotFoundError, match="nowhere"):
        turbines.rollouts.steer("operator", "nowhere", "pause")


def test_a_verb_that_the_state_forbids_is_a_conflict(turbines: Any) -> None:
    deployment = _finish(turbines, "1")
    with pytest.raises(ConflictError, match="finished; pause"):
        turbines.rollouts.steer("operator", deployment, "pause")
    turbines.rollouts.steer("operator", deployment, "rollback")
    turbines.rollouts.steer("operator", deployment, "rollback")
    assert turbines.state(deployment) == "rolling_back"


def test_labels_make_waves(fleet: Any) -> None:
    fleet.add_devices("n1", "n2", site="north")
    fleet.add_devices("s1", site="south")
    fleet.publish_version("1")
    spec = DeploymentSpec("power", "1", waves=(WaveRule(None, {"site": "south"}), WaveRule(100)))
    planned = fleet.rollouts.plan(spec, "d1")
    assert [sorted(wave) for wave in planned] == [["s1"], ["n1", "n2"]]
    fleet.rollouts.create("operator", spec, "d1")
    fleet.rollouts.step()
    assert fleet.told() == ["s1"]


def test_assignments_are_issued_again_at_half_life(turbines: Any) -> None:
    turbines.deploy("1")
    turbines.told()
    turbines.clock.advance(499)
    turbines.rollouts.step()
    assert turbines.told() == []
    turbines.clock.advance(1)
    turbines.rollouts.step()
    renewed = turbines.assignment("t1")
    assert sorted(turbines.told()) == list(DEVICES)
    assert (renewed.sequence, renewed.action_id, renewed.slots[0].version) == (2, "d1.t1", "1")
    turbines.rollouts.step()
    assert turbines.told() == []


def test_a_greeting_is_answered_with_the_assignment(turbines: Any) -> None:
    assert turbines.greets("t1") == []
    turbines.deploy("1")
    (answer,) = turbines.greets("t1")
    assert (answer.topic, answer.retain) == ("leeway/v1/t1/down/assignment", True)
    assert turbines.greets("t1", online=False) == []


def test_a_new_broker_is_told_everything(turbines: Any) -> None:
    turbines.deploy("1", 50)
    first = turbines.told()
    turbines.rollouts.publish_all()
    assert turbines.told() == []
    turbines.rollouts.step()
    assert sorted(turbines.told()) == sorted(first)
    turbines.rollouts.step()
    assert turbines.told() == []


def test_a_broker_that_joins_while_the_database_is_away_is_told_once_it_is_back(
    turbines: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    turbines.deploy("1", 50)
    first = turbines.told()
    with monkeypatch.context() as away:
        away.setattr(turbines.database, "_is_open", False)
        turbines.rollouts.publish_all()
        with pytest.raises(UnavailableError):
            turbines.rollouts.step()
    turbines.rollouts.step()
    assert sorted(turbines.told()) == sorted(first)


def test_every_transition_is_in_the_audit_log_with_its_reason(turbines: Any) -> None:
    deployment = turbines.deploy("1", 25, 100)
    (device,) = turbines.told()
    turbines.says(device, "failed")
    turbines.state(deployment)
    turbines.rollouts.steer("alice", deployment, "abort")
    with turbines.database.reading() as session:
        lines = session.exec(select(AuditRow).where(AuditRow.subject == deployment).order_by(AuditRow.ordinal)).all()
    assert [(line.actor, line.action, line.detail.get("reason", "")) for line in lines] == [
        ("operator", "deployment.create", ""),
        ("server", "wave.running", ""),
        ("server", "deployment.paused", "error_threshold"),
        ("server", "wave.failed", "error_threshold"),
        ("alice", "deployment.abort", ""),
    ]
