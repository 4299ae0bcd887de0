"""What a rollout does to devices: offer a version, take it back, and note their answers."""

from collections.abc import Iterable, Mapping, Sequence

import msgspec
from sqlmodel import Session, col, or_, select

from device_contract.assignment import AssignedSlot
from device_contract.messages import Status
from fleet_server.broker.ingest import Outbound
from fleet_server.bundles.tables import BundleRow
from fleet_server.clock import Clock
from fleet_server.rollouts.assignments import Assignments, Slot
from fleet_server.rollouts.progress import ANSWERABLE, holds, is_later, next_state
from fleet_server.rollouts.states import OPEN, OVERDUE, ActionState
from fleet_server.rollouts.tables import RETURN_WAVE, ActionRow, AssignmentRow, DeploymentRow


class Offers:
    """Moves actions, within the caller's transaction."""

    def __init__(self, assignments: Assignments, clock: Clock) -> None:
        self._assignments = assignments
        self._clock = clock

    def offer(
        self,
        session: Session,
        deployment: DeploymentRow,
        actions: Iterable[ActionRow],
        profiles: Mapping[str, str],
        bundles: Sequence[BundleRow],
    ) -> list[Outbound]:
        """Offer a version to the devices of queued actions.

        A device that was revoked meanwhile, has no fitting bundle, or holds the version
        already, ends there; earlier deployments to the others are superseded.

        Args:
            session: The caller's transaction.
            deployment: Whose actions they are.
            actions: The queued actions.
            profiles: Firmware profile of each active device, by its id.
            bundles: The version's bundles.

        Returns:
            The assignments to publish after the commit.
        """
        outbound: list[Outbound] = []
        for action in actions:
            profile = profiles.get(action.device_id)
            bundle = _fitting(bundles, profile) if profile is not None else None
            if bundle is None:
                self._end(action, ActionState.REMOVED if profile is None else ActionState.NO_VARIANT)
                continue
            self._supersede(session, deployment, action.device_id)
            slots = [_champion(bundle)]
            current = self._assignments.current(session, action.device_id)
            if current is not None and current.slots == current.committed_slots == slots:
                self._end(action, ActionState.ALREADY_INSTALLED)
                continue
            action.previous_slots = current.committed_slots if current is not None else []
            action.state, action.offered_ms = ActionState.OFFERED, self._clock()
            outbound.append(self._assignments.issue(session, action.device_id, action.id, slots))
        return outbound

    def take_back(self, session: Session, actions: Iterable[ActionRow]) -> list[Outbound]:
        """Assign to each device of these actions what it held before, unless a later deployment has it."""
        outbound: list[Outbound] = []
        for action in actions:
            current = self._assignments.current(session, action.device_id)
            if action.offered_ms is not None and current is not None and current.action_id == action.id:
                outbound.append(self._return(session, action))
            if action.state in OPEN:
                self._end(action, ActionState.CANCELED)
        return outbound

    def note(self, session: Session, statuses: Sequence[Status]) -> None:
        """Move the actions that these statuses speak of."""
        ids = {status.action_id for status in statuses if status.action_id}
        if not ids:
            return
        query = select(ActionRow).where(col(ActionRow.id).in_(ids)).order_by(col(ActionRow.id)).with_for_update()
        actions = {action.id: action for action in session.exec(query)}
        for status in statuses:
            action = actions.get(status.action_id)
            if action is not None and action.device_id == status.device_id and action.state in ANSWERABLE:
                self._note(session, action, status)

    def _note(self, session: Session, action: ActionRow, status: Status) -> None:
        current = self._assignments.current(session, action.device_id)
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
            _commit(session, current)

    def _return(self, session: Session, action: ActionRow) -> Outbound:
        now_ms = self._clock()
        back = ActionRow(
            id=f"{action.id}.back",
            deployment_id=action.deployment_id,
            wave=RETURN_WAVE,
            device_id=action.device_id,
            state=ActionState.OFFERED,
            offered_ms=now_ms,
        )
        session.add(back)
        return self._assignments.issue(session, action.device_id, back.id, action.previous_slots)

    def _supersede(self, session: Session, deployment: DeploymentRow, device_id: str) -> None:
        earlier = select(DeploymentRow.id).where(
            or_(
                col(DeploymentRow.created_ms) < deployment.created_ms,
                (col(DeploymentRow.created_ms) == deployment.created_ms) & (col(DeploymentRow.id) < deployment.id),
            )
        )
        query = select(ActionRow).where(
            ActionRow.device_id == device_id,
            col(ActionRow.state).in_(OPEN | OVERDUE),
            col(ActionRow.deployment_id).in_(earlier),
        )
        for action in session.exec(query):
            self._end(action, ActionState.SUPERSEDED)

    def _end(self, action: ActionRow, state: ActionState) -> None:
        action.state, action.ended_ms = state, self._clock()


def _commit(session: Session, assignment: AssignmentRow) -> None:
    assignment.committed_slots = assignment.slots
    session.add(assignment)


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
