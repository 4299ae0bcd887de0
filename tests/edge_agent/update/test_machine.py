"""The update machine: every transition, every phase killed and resumed, every fault."""

from itertools import product
from pathlib import Path
from typing import get_args

import pytest

from device_contract.assignment import AssignedSlot, SamplingPolicy
from device_contract.messages import Phase
from edge_agent.update import events
from edge_agent.update.journal import Journal
from edge_agent.update.machine import RESTING, TRANSITIONS, IllegalEventError, Limits, UpdateState, step
from edge_agent.update.offer import Offer
from tests.edge_agent.bundles import assigned, make_bundle

LIMITS = Limits(preparation_attempts=3, activation_attempts=3)
OLD, NEW = (assigned("1.0", make_bundle("1.0")),), (assigned("2.0", make_bundle("2.0")),)
OFFER = Offer(envelope=b"{}", repository_url="https://fleet", action_id="a2", sequence=2)
LATER = Offer(envelope=b"{ }", repository_url="https://fleet", action_id="a3", sequence=3)
PREPARED = events.Prepared(sequence=2, action_id="a2", issued_ms=1000, slots=NEW)
BEFORE = UpdateState(
    phase="succeeded", action_id="a1", accepted_sequence=1, assigned=OLD, assigned_action_id="a1", committed=OLD
)
GOOD_RUN: tuple[events.Event, ...] = (
    events.Offered(OFFER),
    PREPARED,
    events.ActivationBegun(),
    events.Activated(),
    events.ProbationPassed(),
)
PHASES_OF_A_RUN = ("preparing", "staged", "activating", "probation", "succeeded")
EVENTS: tuple[events.Event, ...] = (
    events.Started(),
    events.Offered(OFFER),
    PREPARED,
    events.PreparationFailed("server_unreachable", "away", is_final=False),
    events.RetryDue(),
    events.ActivationBegun(),
    events.Activated(),
    events.ActivationFailed("damaged"),
    events.ProbationPassed(),
    events.ProbationFailed("probation_nan", "NaN"),
)
FAULTS: dict[str, tuple[events.Event, Phase, str]] = {
    "preparing": (events.PreparationFailed("bundle_revoked", "", is_final=True), "rejected", "bundle_revoked"),
    "activating": (events.ActivationFailed("damaged"), "rolled_back", "activation_failed"),
    "probation": (events.ProbationFailed("probation_nan", "NaN"), "rolled_back", "probation_nan"),
}


def run(*happenings: events.Event, state: UpdateState = BEFORE) -> tuple[UpdateState, tuple[events.Effect, ...]]:
    effects: tuple[events.Effect, ...] = ()
    for event in happenings:
        state, effects = step(state, event, LIMITS)
    return state, effects


def reach(phase: str) -> UpdateState:
    return run(*GOOD_RUN[: PHASES_OF_A_RUN.index(phase) + 1])[0]


def test_a_good_run_ends_committed_and_prunes_the_old_bundle() -> None:
    state, effects = run(*GOOD_RUN)
    assert (state.phase, state.committed, state.candidate) == ("succeeded", NEW, ())
    assert effects == (events.Prune(NEW),)


@pytest.mark.parametrize("slots", [(), (assigned("1.0", make_bundle("1.0"), "fallback"),)], ids=["none", "fallback"])
def test_slots_that_score_nothing_need_no_probation(slots: tuple[AssignedSlot, ...]) -> None:
    state, effects = run(
        events.Offered(OFFER), events.Prepared(2, "a2", 1000, slots), events.ActivationBegun(), events.Activated()
    )
    assert (state.phase, state.committed, state.candidate) == ("succeeded", slots, ())
    assert effects == (events.Prune(slots),)


def test_phases_of_a_good_run() -> None:
    assert tuple(reach(phase).phase for phase in PHASES_OF_A_RUN) == PHASES_OF_A_RUN


def test_every_phase_of_the_contract_has_its_place_in_the_table() -> None:
    assert {phase for phase, _ in TRANSITIONS} == set(get_args(Phase))


@pytest.mark.parametrize(
    ("phase", "event"),
    list(product(PHASES_OF_A_RUN, EVENTS)),
    ids=lambda value: getattr(value, "__name__", str(value)[:20]),
)
def test_an_event_without_a_row_raises_and_changes_nothing(phase: str, event: events.Event) -> None:
    state = reach(phase)
    if (state.phase, type(event)) in TRANSITIONS:
        step(state, event, LIMITS)
    else:
        with pytest.raises(IllegalEventError, match=type(event).__name__):
            step(state, event, LIMITS)
    assert state == reach(phase)


@pytest.mark.parametrize("phase", FAULTS)
def test_a_fault_leaves_the_old_bundle_committed(phase: str) -> None:
    fault, final, reason = FAULTS[phase]
    state, effects = run(fault, state=reach(phase))
    assert (state.phase, state.reason_code, state.committed, state.candidate) == (final, reason, OLD, ())
    assert final == "rejected" or events.Restore(OLD) in effects


@pytest.mark.parametrize("phase", PHASES_OF_A_RUN)
def test_killed_and_resumed_the_run_still_ends_well(phase: str, tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.write(reach(phase))
    state, effects = step(journal.read(), events.Started(), LIMITS)
    seen = list(effects)
    answers: dict[type[events.Effect], events.Event] = {
        events.Prepare: PREPARED,
        events.BeginActivation: events.ActivationBegun(),
        events.Activate: events.Activated(),
        events.Watch: events.ProbationPassed(),
    }
    while event := next((answers[type(effect)] for effect in effects if type(effect) in answers), None):
        state, effects = step(state, event, LIMITS)
        seen += effects
    assert (state.phase, state.committed) == ("succeeded", NEW)
    assert phase in {"activating", "probation"} or isinstance(seen[0], events.Restore)


@pytest.mark.parametrize("phase", ["preparing", "activating", "probation"])
def test_killed_resumed_and_then_at_fault(phase: str, tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.write(reach(phase))
    state, effects = step(journal.read(), events.Started(), LIMITS)
    if events.Activate(NEW) in effects and phase == "probation":
        state, effects = step(state, events.Activated(), LIMITS)
    fault, final, reason = FAULTS[phase]
    state, _ = step(state, fault, LIMITS)
    assert (state.phase, state.reason_code, state.committed) == (final, reason, OLD)


@pytest.mark.parametrize("phase", ["activating", "probation"])
def test_a_bundle_that_takes_the_process_down_is_rolled_back(phase: str, tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.write(reach(phase))
    for _ in range(LIMITS.activation_attempts - 1):
        state, effects = step(journal.read(), events.Started(), LIMITS)
        assert effects == (events.Activate(NEW),)
        journal.write(state)
    state, effects = step(journal.read(), events.Started(), LIMITS)
    assert (state.phase, state.reason_code, state.committed) == ("rolled_back", "crash_loop", OLD)
    assert effects[0] == events.Restore(OLD)


def test_what_passes_is_tried_again_and_then_fails() -> None:
    away = events.PreparationFailed("server_unreachable", "away", is_final=False)
    state, effects = run(events.Offered(OFFER), away)
    assert (state.phase, effects) == ("preparing", (events.RetryLater(1),))
    state, effects = run(events.RetryDue(), state=state)
    assert effects == (events.Prepare(OFFER, 1, 0),)
    state, _ = run(away, away, state=state)
    assert (state.phase, state.reason_code) == ("failed", "server_unreachable")


def test_a_failed_self_test_is_a_failure_not_a_rejection() -> None:
    state, effects = run(events.Offered(OFFER), events.PreparationFailed("self_test_failed", "2 rows", is_final=True))
    assert (state.phase, effects) == ("failed", (events.Prune(OLD),))


def test_what_is_refused_for_good_leaves_the_disk_and_what_could_not_be_fetched_stays() -> None:
    revoked = events.PreparationFailed("bundle_revoked", "", is_final=True)
    away = events.PreparationFailed("server_unreachable", "away", is_final=False)
    assert run(events.Offered(OFFER), revoked)[1] == (events.Prune(OLD),)
    state, effects = run(events.Offered(OFFER), away, away, away)
    assert (state.phase, effects) == ("failed", ())  # issued again, the download goes on


@pytest.mark.parametrize("sequence", [0, 1])
def test_an_offer_that_is_not_newer_is_a_no_op(sequence: int) -> None:
    old = Offer(envelope=b"{}", repository_url="", action_id="a0", sequence=sequence)
    assert run(events.Offered(old)) == (BEFORE, ())


def test_the_same_content_again_is_only_remembered() -> None:
    again = events.Prepared(sequence=5, action_id="a1", issued_ms=9, slots=OLD)
    state, effects = run(events.Offered(OFFER), again)
    assert (state.phase, state.accepted_sequence, state.committed) == ("succeeded", 5, OLD)
    assert effects == (events.Prune(OLD),)


def test_leave_to_send_rows_is_that_of_the_last_verified_assignment() -> None:
    policy = SamplingPolicy(rows_per_window=5, key="0" * 32)
    state, _ = run(events.Offered(OFFER), events.Prepared(2, "a1", 9, OLD, policy, 7000))
    assert (state.sampling, state.sampling_until_ms) == (policy, 7000)
    refused, _ = run(
        events.Offered(LATER), events.PreparationFailed("metadata_expired", "", is_final=True), state=state
    )
    assert refused.sampling == policy
    withdrawn, _ = run(events.Offered(LATER), events.Prepared(3, "a1", 9, OLD, None, 9000), state=state)
    assert withdrawn.sampling is None


def test_an_action_that_was_rolled_back_is_not_tried_again_when_it_is_issued_again() -> None:
    state, _ = run(*GOOD_RUN[:4], events.ProbationFailed("probation_nan", "NaN"))
    state, effects = run(events.Offered(LATER), events.Prepared(3, "a2", 2000, NEW), state=state)
    assert (state.phase, state.reason_code, state.accepted_sequence) == ("rolled_back", "probation_nan", 3)
    assert effects == (events.Prune(OLD),)


def test_another_action_may_try_the_same_bundle_again() -> None:
    state, _ = run(*GOOD_RUN[:4], events.ProbationFailed("probation_nan", "NaN"))
    state, effects = run(events.Offered(LATER), events.Prepared(3, "a3", 2000, NEW), state=state)
    assert (state.phase, effects) == ("staged", (events.BeginActivation(),))


@pytest.mark.parametrize(
    "last",
    [events.ProbationPassed(), events.ProbationFailed("probation_latency", "slow")],
    ids=["committed", "rolled back"],
)
def test_an_offer_during_probation_waits_for_the_outcome(last: events.Event) -> None:
    state, effects = run(*GOOD_RUN[:4], events.Offered(LATER))
    assert (state.phase, state.waiting, effects) == ("probation", LATER, ())
    state, effects = run(last, state=state)
    assert (state.phase, state.offer, state.waiting) == ("preparing", LATER, None)
    assert effects[-1] == events.Prepare(LATER, 2, 1000)


def test_a_newer_offer_takes_the_place_of_one_in_preparation() -> None:
    state, effects = run(events.Offered(OFFER), events.Offered(LATER))
    assert (state.action_id, effects) == ("a3", (events.Prepare(LATER, 1, 0),))


def test_the_time_floor_never_falls() -> None:
    state, _ = run(
        events.Offered(OFFER),
        events.Prepared(2, "a2", 5000, OLD),
        events.Offered(LATER),
        events.Prepared(3, "a3", 4000, OLD),
    )
    assert state.time_floor_ms == 5000


def test_resting_phases_take_offers() -> None:
    for phase in RESTING:
        state, _ = run(events.Offered(OFFER), state=UpdateState(phase=phase))
        assert state.phase == "preparing"
