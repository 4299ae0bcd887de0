"""What a rollout does to devices: offer a version, take it back, and note their answers."""

from collections.abc import Collection, Mapping, Sequence
from typing import Final

import msgspec
from sqlmodel import Session, col, or_, select

from device_contract.assignment import AssignedSlot
from device_contract.messages import Status
from fleet_server.broker.ingest import Outbound
from fleet_server.bundles.tables import BundleRow
from fleet_server.clock import Clock
from fleet_server.rollouts.assignments import Assignments, Order, Slot
from fleet_server.rollouts.progress import ANSWERABLE, holds, is_later, next_state
from fleet_server.rollouts.states import OPEN, OVERDUE, ActionState
from fleet_server.rollouts.tables import RETURN_WAVE, ActionRow, AssignmentRow, DeploymentRow

_TAKEN_AT_ONCE: Final = 500
"""Actions that are taken back together: a fleet has more devices than a query has parameters."""


class Offers:
    """Moves actions, within the caller's transaction."""

    def __init__(self, assignments: Assignments, clock: Clock) -> None:
        self._assignments = assignments
        self._clock = clock

    def offer(
        self,
        session: Session,
        deployment: DeploymentRow,
        actions: Sequence[ActionRow],
        profiles: Mapping[str, str],
        bundles: Sequence[BundleRow],
    ) -> list[Outbound]:
        """Offer a version to the devices of queued actions.

        A device that was revoked meanwhile, has no fitting bundle, or holds the version
        already, ends there; earlier deployments to the others are superseded.

        Args:
            session: The caller's transaction.
            deployment: Whose actions they are.
            actions: Queued actions, at most some hundreds.
            profiles: Firmware profile of each of their devices that is active, by its id.
            bundles: The version's bundles.

        Returns:
            The assignments to publish after the commit.
        """
        fitting: list[tuple[ActionRow, list[Slot]]] = []
        for action in actions:
            profile = profiles.get(action.device_id)
            bundle = _fitting(bundles, profile) if profile is not None else None
            if bundle is not None:
                fitting.append((action, [_champion(bundle)]))
            else:
                self._end(action, ActionState.REMOVED if profile is None else ActionState.NO_VARIANT)
        device_ids = [action.device_id for action, _ in fitting]
        self._supersede(session, deployment, device_ids)
        current = self._assignments.current(session, device_ids)
        offered = [order for each in fitting if (order := self._order(*each, current.get(each[0].device_id)))]
        return self._assignments.issue(session, offered)

    def take_back(self, session: Session, actions: Sequence[ActionRow]) -> list[Outbound]:
        """Assign to each device of these actions what it held before, unless a later deployment has it."""
        outbound: list[Outbound] = []
        for first in range(0, len(actions), _TAKEN_AT_ONCE):
            outbound += self._take_back(session, actions[first : first + _TAKEN_AT_ONCE])
        return outbound

    def note(self, session: Session, statuses: Sequence[Status]) -> None:
        """Move the actions that these statuses speak of."""
        ids = {status.action_id for status in statuses if status.action_id}
        if not ids:
            return
        query = select(ActionRow).where(col(ActionRow.id).in_(ids)).order_by(col(ActionRow.id)).with_for_update()
        actions = {(action.id, action.device_id): action for action in session.exec(query)}
        answered = [device_id for (_, device_id), action in actions.items() if action.state in ANSWERABLE]
        current = self._assignments.current(session, answered)
        for status in statuses:
            action = actions.get((status.action_id, status.device_id))
            if action is not None and action.state in ANSWERABLE:
                self._note(action, status, current.get(action.device_id))

    def _order(self, action: ActionRow, slots: list[Slot], current: AssignmentRow | None) -> Order | None:
        if current is not None and current.slots == current.committed_slots == slots:
            self._end(action, ActionState.ALREADY_INSTALLED)
            return None
        action.previous_slots = current.committed_slots if current is not None else []
        action.state, action.offered_ms = ActionState.OFFERED, self._clock()
        return Order(action.device_id, action.id, slots)

    def _note(self, action: ActionRow, status: Status, current: AssignmentRow | None) -> None:
        holds_slots = current is not None and current.action_id == action.id and holds(status, current.slots)
        before = ActionState(action.state)
        after = next_state(before, status.phase, holds_slots=holds_slots)
        if is_later(status.phase, action.phase):
            action.phase = status.phase
        if after == before:
            return
        if after == ActionState.IN_PROGRESS:
            action.state, action.began_ms = after, self._clock()
            return
        action.reason_code, action.detail = status.reason_code, status.detail
        self._end(action, after)
        if after == ActionState.SUCCEEDED and current is not None:
            current.committed_slots = current.slots

    def _take_back(self, session: Session, actions: Sequence[ActionRow]) -> list[Outbound]:
        current = self._assignments.current(session, [action.device_id for action in actions])
        holding = {row.action_id for row in current.values()}
        returns = [action for action in actions if action.offered_ms is not None and action.id in holding]
        for action in actions:
            if action.state in OPEN:
                self._end(action, ActionState.CANCELED)
        session.add_all(map(self._return, returns))
        orders = [Order(action.device_id, _return_id(action), action.previous_slots) for action in returns]
        return self._assignments.issue(session, orders)

    def _return(self, action: ActionRow) -> ActionRow:
        return ActionRow(
            id=_return_id(action),
            deployment_id=action.deployment_id,
            wave=RETURN_WAVE,
            device_id=action.device_id,
            state=ActionState.OFFERED,
            offered_ms=self._clock(),
        )

    def _supersede(self, session: Session, deployment: DeploymentRow, device_ids: Collection[str]) -> None:
        earlier = select(DeploymentRow.id).where(
            or_(
                col(DeploymentRow.created_ms) < deployment.created_ms,
                (col(DeploymentRow.created_ms) == deployment.created_ms) & (col(DeploymentRow.id) < deployment.id),
            )
        )
        query = select(ActionRow).where(
            col(ActionRow.device_id).in_(device_ids),
            col(ActionRow.state).in_(OPEN | OVERDUE),
            col(ActionRow.deployment_id).in_(earlier),
        )
        for action in session.exec(query.order_by(col(ActionRow.id)).with_for_update()):
            self._end(action, ActionState.SUPERSEDED)

    def _end(self, action: ActionRow, state: ActionState) -> None:
        action.state, action.ended_ms = state, self._clock()


def _return_id(action: ActionRow) -> str:
    return f"{action.id}.back"


def _fitting(bundles: Sequence[BundleRow], profile: str) -> BundleRow | None:
    by_profile = {bundle.profile: bundle for bundle in bundles}
    return by_profile.get(profile) or by_profile.get(None)


def _champion(bundle: BundleRow) -> Slot:
    slot = AssignedSlot(
        slot="champion",
        model=bundle.model,
        version=bundle.version,
        target_path=bundle.target_path,
        sha256=bundle.sha256,
        length_bytes=bundle.size_bytes,
    )
    return dict(msgspec.to_builtins(slot))
