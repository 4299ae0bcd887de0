"""How a device's status moves its action: forward only, whatever order statuses come in."""

from typing import Final

from device_contract.messages import Phase, Status
from fleet_server.rollouts.states import OVERDUE, ActionState

_ORDER: Final[dict[str, int]] = {
    phase: place
    for place, phase in enumerate(("", "idle", "preparing", "staged", "activating", "probation", "succeeded"))
}
_BAD_ENDS: Final = {
    "failed": ActionState.FAILED,
    "rejected": ActionState.REJECTED,
    "rolled_back": ActionState.ROLLED_BACK,
}
ANSWERABLE: Final = frozenset({ActionState.OFFERED, ActionState.IN_PROGRESS}) | OVERDUE
"""What a device's word still moves: an end by a clock is corrected by the device's own end."""


def next_state(state: ActionState, phase: Phase, *, holds_slots: bool) -> ActionState:
    """Return the state of an action after its device's word.

    Args:
        state: The state so far.
        phase: The device's word.
        holds_slots: The status shows every slot as assigned. Without it ``succeeded`` is not believed.
    """
    if state not in ANSWERABLE or phase == "idle":
        return state
    if phase in _BAD_ENDS:
        return _BAD_ENDS[phase]
    if phase == "succeeded" and holds_slots:
        return ActionState.SUCCEEDED
    return ActionState.IN_PROGRESS if state == ActionState.OFFERED else state


def is_later(phase: str, than: str) -> bool:
    """Tell whether a phase comes after another one; a bad end comes after everything."""
    last = len(_ORDER)
    return _ORDER.get(phase, last) > _ORDER.get(than, last)


def holds(status: Status, slots: list[dict[str, object]]) -> bool:
    """Tell whether the device holds the assigned slots, and no other."""
    wanted = {(slot["slot"], slot["model"], slot["version"], slot["sha256"]) for slot in slots}
    return wanted == {(slot.slot, slot.model, slot.version, slot.bundle_sha256) for slot in status.slots}
