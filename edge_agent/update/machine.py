"""The update machine: a table of transitions, pure.

Theory. The device holds *committed* bundles, which have proved themselves, and at most
one set of *candidate* bundles on their way::

    resting --Offered--> preparing --Prepared--> staged --ActivationBegun--> activating
       ^                     |                                                   |
       |<---- rejected ------+                                               Activated
       |<---- failed --------+                                                   v
       |<---- rolled_back <------------- any fault ------------------------- probation
       |<---- succeeded   <------------- ProbationPassed ------------------------+

Candidates of which none scores (a device that is to score nothing any more) skip the
probation. ``resting`` is any of idle, succeeded, failed, rejected, rolled_back. The shell writes the
state that ``step`` returns to the journal *before* it carries out the effects; so at
whatever moment the process dies, ``Started`` on the journal's state goes on rightly:
committed bundles score at once, a preparation begins anew (its download resumes), and
an activation or a probation begins anew, at most ``activation_attempts`` times. A
bundle that takes the process down with it is thus rolled back.

An offer that comes while candidates are being activated or watched waits for the
outcome; a newer one replaces it. An event that has no row in the table raises
``IllegalEventError`` and changes nothing.
"""

from collections.abc import Callable
from typing import Annotated, Final, Literal

import msgspec

from device_contract.assignment import AssignedSlot, SamplingPolicy
from device_contract.messages import SCORING_SLOTS, Phase
from edge_agent.update import events
from edge_agent.update.offer import Offer

_Natural = Annotated[int, msgspec.Meta(ge=0)]
Slots = tuple[AssignedSlot, ...]


class IllegalEventError(Exception):
    """The event cannot happen in this phase."""


class UpdateState(msgspec.Struct, frozen=True, kw_only=True):
    """All that the device must remember of its updates; the journal holds exactly this."""

    schema_version: Literal[1] = 1
    phase: Phase = "idle"
    action_id: str = ""
    """The action of the last offer that was begun."""
    seen_sequence: _Natural = 0
    """What that offer claimed; reported, never trusted."""
    reason_code: str = ""
    detail: str = ""
    accepted_sequence: _Natural = 0
    """The highest verified sequence number: the guard against replay."""
    time_floor_ms: _Natural = 0
    """The latest verified time of issue: the clock cannot rightly be earlier."""
    assigned: Slots = ()
    """What the last verified assignment asked for, ..."""
    assigned_action_id: str = ""
    """... and in which action: the same again is only remembered."""
    sampling: SamplingPolicy | None = None
    """Which rows that assignment allows to be sent, ..."""
    sampling_until_ms: _Natural = 0
    """... and until when."""
    rollback_reason: str = ""
    """Why that action was rolled back, if it was."""
    committed: Slots = ()
    candidate: Slots = ()
    offer: Offer | None = None
    """What is being prepared."""
    waiting: Offer | None = None
    """What came meanwhile."""
    attempts: _Natural = 0
    """Preparations, or activations, of the present offer."""


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """How often the machine tries."""

    preparation_attempts: int
    activation_attempts: int


Step = tuple[UpdateState, tuple[events.Effect, ...]]
_Transition = Callable[[UpdateState, events.Event, Limits], Step]

RESTING: Final[tuple[Phase, ...]] = ("idle", "succeeded", "failed", "rejected", "rolled_back")
BUSY: Final[tuple[Phase, ...]] = ("staged", "activating", "probation")
_replace = msgspec.structs.replace


def step(state: UpdateState, event: events.Event, limits: Limits) -> Step:
    """Return the state that follows, and what the shell shall do once the journal holds it.

    Raises:
        IllegalEventError: The event has no place in this phase; nothing changes.
    """
    transition = TRANSITIONS.get((state.phase, type(event)))
    if transition is None:
        raise IllegalEventError(f"{type(event).__name__} cannot happen while {state.phase}")
    return transition(state, event, limits)


def _restore(state: UpdateState, _event: events.Event, _limits: Limits) -> Step:
    return state, (events.Restore(state.committed),)


def _restore_and_prepare(state: UpdateState, _event: events.Event, _limits: Limits) -> Step:
    return state, (events.Restore(state.committed), *_prepare(state))


def _restore_and_activate(state: UpdateState, _event: events.Event, _limits: Limits) -> Step:
    return state, (events.Restore(state.committed), events.BeginActivation())


def _activate_again(state: UpdateState, event: events.Event, limits: Limits) -> Step:
    if state.attempts >= limits.activation_attempts:
        detail = f"the agent ended {state.attempts} times before the bundle was committed"
        return _roll_back(state, "crash_loop", detail)
    return _activate(state, event, limits)


def _begin(state: UpdateState, event: events.Event, _limits: Limits) -> Step:
    assert isinstance(event, events.Offered)  # noqa: S101  (the table gives no other)
    if event.offer.sequence <= state.accepted_sequence:
        return state, ()
    return _begin_offer(state, event.offer)


def _begin_offer(state: UpdateState, offer: Offer) -> Step:
    begun = _replace(
        state,
        phase="preparing",
        action_id=offer.action_id,
        seen_sequence=offer.sequence,
        reason_code="",
        detail="",
        offer=offer,
        waiting=None,
        attempts=0,
    )
    return begun, _prepare(begun)


def _prepare(state: UpdateState) -> tuple[events.Effect, ...]:
    if state.offer is None:
        return ()
    return (events.Prepare(state.offer, state.accepted_sequence, state.time_floor_ms),)


def _wait(state: UpdateState, event: events.Event, _limits: Limits) -> Step:
    assert isinstance(event, events.Offered)  # noqa: S101
    if event.offer.sequence <= state.accepted_sequence:
        return state, ()
    return _replace(state, waiting=event.offer), ()


def _stage(state: UpdateState, event: events.Event, _limits: Limits) -> Step:
    assert isinstance(event, events.Prepared)  # noqa: S101
    known = _replace(
        state,
        action_id=event.action_id,
        seen_sequence=event.sequence,
        accepted_sequence=event.sequence,
        time_floor_ms=max(state.time_floor_ms, event.issued_ms),
        assigned=event.slots,
        assigned_action_id=event.action_id,
        sampling=event.sampling,
        sampling_until_ms=event.expires_ms,
        offer=None,
        attempts=0,
    )
    if event.slots == state.committed:
        return _end(known, "succeeded")
    is_repeat = (event.action_id, event.slots) == (state.assigned_action_id, state.assigned)
    if is_repeat and state.rollback_reason:  # An assignment issued again: only its number is new.
        return _end(known, "rolled_back", state.rollback_reason, "this action was rolled back before")
    return _replace(known, phase="staged", candidate=event.slots, rollback_reason=""), (events.BeginActivation(),)


def _preparation_failed(state: UpdateState, event: events.Event, limits: Limits) -> Step:
    assert isinstance(event, events.PreparationFailed)  # noqa: S101
    attempts = state.attempts + 1
    if event.is_final:
        phase: Phase = "failed" if event.reason_code == "self_test_failed" else "rejected"
        return _end(_replace(state, offer=None), phase, event.reason_code, event.detail)
    if attempts >= limits.preparation_attempts:
        return _rest(_replace(state, offer=None), "failed", event.reason_code, event.detail)
    return _replace(state, attempts=attempts, detail=event.detail), (events.RetryLater(attempts),)


def _retry(state: UpdateState, _event: events.Event, _limits: Limits) -> Step:
    return state, _prepare(state)


def _activate(state: UpdateState, _event: events.Event, _limits: Limits) -> Step:
    return _replace(state, phase="activating", attempts=state.attempts + 1), (events.Activate(state.candidate),)


def _watch(state: UpdateState, event: events.Event, limits: Limits) -> Step:
    if not any(slot.slot in SCORING_SLOTS for slot in state.candidate):  # No row will ever prove or fault it.
        return _commit(state, event, limits)
    return _replace(state, phase="probation"), (events.Watch(),)


def _activation_failed(state: UpdateState, event: events.Event, _limits: Limits) -> Step:
    assert isinstance(event, events.ActivationFailed)  # noqa: S101
    return _roll_back(state, "activation_failed", event.detail)


def _probation_failed(state: UpdateState, event: events.Event, _limits: Limits) -> Step:
    assert isinstance(event, events.ProbationFailed)  # noqa: S101
    return _roll_back(state, event.reason_code, event.detail)


def _commit(state: UpdateState, _event: events.Event, _limits: Limits) -> Step:
    committed = _replace(state, committed=state.candidate, candidate=(), attempts=0)
    return _end(committed, "succeeded")


def _roll_back(state: UpdateState, reason_code: str, detail: str) -> Step:
    cleared = _replace(state, candidate=(), attempts=0, rollback_reason=reason_code)
    rested, effects = _end(cleared, "rolled_back", reason_code, detail)
    return rested, (events.Restore(state.committed), *effects)


def _end(state: UpdateState, phase: Phase, reason_code: str = "", detail: str = "") -> Step:
    """End the action for good: nothing stays on the disk but what is committed."""
    rested, effects = _rest(state, phase, reason_code, detail)
    return rested, (events.Prune(state.committed), *effects)


def _rest(state: UpdateState, phase: Phase, reason_code: str = "", detail: str = "") -> Step:
    """End the action, whose download goes on if it is issued again; begin the offer that waited, if any."""
    rested = _replace(state, phase=phase, reason_code=reason_code, detail=detail)
    if state.waiting is not None and state.waiting.sequence > state.accepted_sequence:
        return _begin_offer(rested, state.waiting)
    return _replace(rested, waiting=None), ()


TRANSITIONS: Final[dict[tuple[Phase, type[events.Event]], _Transition]] = {
    **{(phase, events.Started): _restore for phase in RESTING},
    **{(phase, events.Offered): _begin for phase in (*RESTING, "preparing")},
    **{(phase, events.Offered): _wait for phase in BUSY},
    ("preparing", events.Started): _restore_and_prepare,
    ("preparing", events.Prepared): _stage,
    ("preparing", events.PreparationFailed): _preparation_failed,
    ("preparing", events.RetryDue): _retry,
    ("staged", events.Started): _restore_and_activate,
    ("staged", events.ActivationBegun): _activate,
    ("activating", events.Started): _activate_again,
    ("activating", events.Activated): _watch,
    ("activating", events.ActivationFailed): _activation_failed,
    ("probation", events.Started): _activate_again,
    ("probation", events.ProbationPassed): _commit,
    ("probation", events.ProbationFailed): _probation_failed,
}
"""Every transition: (phase, event) to what it does."""
