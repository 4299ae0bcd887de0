"""The verbs of rollouts: make a deployment, steer it, carry it on, and note what devices say."""

import logging
import secrets
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import exists, insert
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from device_contract.messages import Birth, Status
from fleet_server.audit.service import AuditService
from fleet_server.broker.ingest import Inbound, Outbound
from fleet_server.bundles.service import BundleService
from fleet_server.clock import Clock
from fleet_server.db import Database
from fleet_server.devices.service import DeviceService
from fleet_server.errors import ConflictError, InvalidRequestError, NotFoundError
from fleet_server.rollouts.assignments import Assignments
from fleet_server.rollouts.controller import Alert, Controller, actions_of, spec_of, waves_of
from fleet_server.rollouts.membership import Member, divide
from fleet_server.rollouts.offers import Offers
from fleet_server.rollouts.spec import DeploymentSpec, RolloutAlert
from fleet_server.rollouts.states import OPEN, OVERDUE, ActionState, DeploymentState, Reason, WaveState
from fleet_server.rollouts.tables import RETURN_WAVE, ActionRow, DeploymentRow, WaveRow
from fleet_server.rollouts.views import DeploymentView, read_actions, read_deployments, view
from fleet_server.turns import each_in_turn

_logger = logging.getLogger(__name__)

_D = DeploymentState
_VERBS: dict[str, tuple[frozenset[DeploymentState], DeploymentState, frozenset[DeploymentState]]] = {
    # verb: states it leaves, state it reaches, states in which it has nothing left to do
    "pause": (frozenset({_D.RUNNING}), _D.PAUSED, frozenset({_D.PAUSED})),
    "resume": (frozenset({_D.PAUSED}), _D.RUNNING, frozenset({_D.RUNNING})),
    "abort": (frozenset({_D.RUNNING, _D.PAUSED}), _D.ABORTED, frozenset({_D.ABORTED})),
    "rollback": (
        frozenset({_D.RUNNING, _D.PAUSED, _D.FINISHED, _D.ABORTED}),
        _D.ROLLING_BACK,
        frozenset({_D.ROLLING_BACK, _D.ROLLED_BACK}),
    ),
}


class RolloutService:
    """Deployments in waves.

    Args:
        database: Where they are stored.
        devices: The registry of devices.
        bundles: The published versions.
        assignments: Signs what each device shall hold.
        audit: Notes each transition and its reason.
        clock: Gives the present.
        publish: Sends a message to a device; called after the commit.
        alert: Told when a deployment pauses by itself, and when a person has seen to it; called in that transaction:
            neither is without the other.
    """

    def __init__(  # noqa: PLR0913  (explicit collaborators)
        self,
        database: Database,
        devices: DeviceService,
        bundles: BundleService,
        *,
        assignments: Assignments,
        audit: AuditService,
        clock: Clock,
        publish: Callable[[Outbound], None],
        alert: Alert,
    ) -> None:
        self._database = database
        self._devices = devices
        self._bundles = bundles
        self._assignments = assignments
        self._offers = Offers(assignments, clock)
        self._controller = Controller(devices, bundles, self._offers, audit, clock, alert)
        self._alert = alert
        self._audit = audit
        self._clock = clock
        self._publish = publish
        self._all_due = threading.Event()

    def plan(self, spec: DeploymentSpec, deployment_id: str) -> list[list[str]]:
        """Return the members of each wave, as ``create`` would fix them now.

        Raises:
            InvalidRequestError: The waves cannot be meant, or no device has the labels.
            NotFoundError: There is no such version.
        """
        spec.check()
        self._bundles.variants(spec.model, spec.version)
        members = [Member(d.device_id, d.profile, d.labels) for d in self._devices.find(spec.target_labels)]
        if not members:
            raise InvalidRequestError("no active device has the target's labels", code="no_devices")
        return divide(deployment_id, members, spec.waves)

    def create(self, actor: str, spec: DeploymentSpec, deployment_id: str | None) -> tuple[str, bool]:
        """Make a deployment and fix its members; the controller starts its first wave.

        Args:
            actor: Who asks.
            spec: What is asked.
            deployment_id: Chosen by the client, so that it may ask twice; ``None`` for a new one.

        Returns:
            The id, and whether the deployment is new.

        Raises:
            ConflictError: The id belongs to a deployment that was asked otherwise.
            InvalidRequestError: The waves cannot be meant, or no device has the labels.
            NotFoundError: There is no such version.
        """
        deployment_id = deployment_id or f"d-{secrets.token_hex(6)}"
        try:
            return deployment_id, self._create(actor, spec, deployment_id)
        except IntegrityError:  # the same request came twice at the same moment, and the other one was first
            return deployment_id, self._create(actor, spec, deployment_id)

    def get(self, deployment_id: str) -> DeploymentView:
        """Return a deployment with its counts.

        Raises:
            NotFoundError: There is no such deployment.
        """
        with self._database.reading() as session:
            return view(session, [_found(session.get(DeploymentRow, deployment_id), deployment_id)])[0]

    def deployments(self, *, limit: int, after: str | None = None) -> Sequence[DeploymentView]:
        """Return deployments, the newest first; ``after`` is the cursor of one of them."""
        with self._database.reading() as session:
            return read_deployments(session, limit=limit, after=after)

    def actions(
        self, deployment_id: str, *, limit: int, after: str | None = None, state: ActionState | None = None
    ) -> Sequence[ActionRow]:
        """Return the actions of a deployment in order of id, those in one state if given.

        Raises:
            NotFoundError: There is no such deployment.
        """
        with self._database.reading() as session:
            _found(session.get(DeploymentRow, deployment_id), deployment_id)
            return read_actions(session, deployment_id, limit=limit, after=after, state=state)

    def steer(self, actor: str, deployment_id: str, verb: str) -> None:
        """Pause, resume, abort or roll back a deployment; asked again, nothing more happens.

        To resume a deployment that paused by itself accepts the wave that stopped it.

        Raises:
            ConflictError: Its state does not allow it.
            NotFoundError: There is no such deployment.
        """
        leaves, reaches, done = _VERBS[verb]
        with self._database.session() as session:
            deployment = _locked(session, deployment_id)
            if deployment.state in done:
                return
            if deployment.state not in leaves:
                raise ConflictError(f"deployment {deployment_id!r} is {deployment.state}; {verb} is not possible")
            if deployment.state == DeploymentState.PAUSED and deployment.reason != Reason.OPERATOR:
                named = (deployment.id, deployment.model, deployment.version)
                self._alert(session, RolloutAlert(*named, 0, verb, f"by {actor}", is_over=True))
            outbound = self._leave(session, deployment, verb)
            deployment.state, deployment.detail, deployment.changed_ms = reaches, f"by {actor}", self._clock()
            deployment.reason = Reason.NONE if reaches == DeploymentState.RUNNING else Reason.OPERATOR
            self._audit.record(session, actor, f"deployment.{verb}", deployment_id)
        self._send(outbound)

    def step(self) -> None:
        """Carry every open deployment on, renew assignments, tell a new broker; called by the controller's loop."""
        if self._all_due.is_set():
            self._publish_all()
        with self._database.reading() as session:
            open_ids = _open_deployments(session)
            has_due = self._assignments.has_due(session)
        if has_due:
            with self._database.session() as session:
                renewed = self._assignments.renew(session)
            self._send(renewed)
        each_in_turn(open_ids, self._carry_on)

    def publish_all(self) -> None:
        """Have the next step publish every assignment, for a broker that may have lost them.

        Not at once: it is called in the client's network thread, which an error of the database would end.
        """
        self._all_due.set()

    def assign_again(self, session: Session, labels: Mapping[str, str]) -> None:
        """Have the devices with these labels assigned what they hold again: what they may send has changed."""
        self._assignments.make_due(session, labels)

    def assign_device_again(self, device_id: str) -> None:
        """Have a device assigned what it holds again: its labels have changed."""
        with self._database.session() as session:
            self._assignments.make_due(session, {}, device_id)

    def record_births(self, session: Session, batch: list[Inbound]) -> list[Outbound]:
        """Store births, and answer each device that came online with its assignment."""
        outbound = self._devices.record_births(session, batch)
        greeting = {item.device_id for item in batch if isinstance(item.message, Birth) and item.message.online}
        return outbound + (self._assignments.messages(session, sorted(greeting)) if greeting else [])

    def record_statuses(self, session: Session, batch: list[Inbound]) -> list[Outbound]:
        """Store the state of devices, and move the actions of which they speak."""
        statuses = [item.message for item in batch if isinstance(item.message, Status)]
        for status in statuses:
            self._devices.record_status(session, status)
        self._offers.note(session, statuses)
        return []

    def _carry_on(self, deployment_id: str) -> None:
        goes_on = True
        while goes_on:  # in several transactions: other writers have their turn, and what was offered stays so
            with self._database.session() as session:
                step = self._controller.step(session, _locked(session, deployment_id))
            self._send(step.outbound)
            goes_on = step.goes_on

    def _publish_all(self) -> None:
        with self._database.reading() as session:
            messages = self._assignments.messages(session)
        self._all_due.clear()  # before they are sent: a broker that joins meanwhile is told again
        self._send(messages)

    def _create(self, actor: str, spec: DeploymentSpec, deployment_id: str) -> bool:
        with self._database.session() as session:
            existing = session.get(DeploymentRow, deployment_id)
            if existing is not None:
                if spec_of(existing) != spec:
                    raise ConflictError(f"deployment {deployment_id!r} exists and was asked otherwise")
                return False
            self._insert(session, actor, deployment_id, spec)
            self._audit.record(session, actor, "deployment.create", deployment_id, **msgspec.to_builtins(spec))
        return True

    def _insert(self, session: Session, actor: str, deployment_id: str, spec: DeploymentSpec) -> None:
        waves = self.plan(spec, deployment_id)
        now_ms = self._clock()
        session.add(
            DeploymentRow(
                id=deployment_id,
                model=spec.model,
                version=spec.version,
                request=msgspec.to_builtins(spec),
                created_by=actor,
                created_ms=now_ms,
                changed_ms=now_ms,
            )
        )
        session.flush()
        session.add_all(WaveRow(deployment_id=deployment_id, number=number) for number, _ in enumerate(waves, 1))
        actions = _queued_actions(deployment_id, waves)
        if actions:
            session.execute(insert(ActionRow), actions)

    def _leave(self, session: Session, deployment: DeploymentRow, verb: str) -> list[Outbound]:
        if verb == "resume":
            for wave in waves_of(session, deployment.id):
                if wave.state in {WaveState.FAILED, WaveState.INCONCLUSIVE}:
                    wave.state, wave.accepted = WaveState.RUNNING, True
        if verb not in {"abort", "rollback"}:
            return []
        wanted = [col(ActionRow.wave) != RETURN_WAVE]
        if verb == "abort":
            wanted.append(col(ActionRow.state).in_(OPEN | OVERDUE))
        return self._offers.take_back(session, actions_of(session, deployment.id, *wanted))

    def _send(self, outbound: Sequence[Outbound]) -> None:
        for message in outbound:
            self._publish(message)


def _locked(session: Session, deployment_id: str) -> DeploymentRow:
    query = select(DeploymentRow).where(DeploymentRow.id == deployment_id).with_for_update()
    return _found(session.exec(query).first(), deployment_id)


def _found(deployment: DeploymentRow | None, deployment_id: str) -> DeploymentRow:
    if deployment is None:
        raise NotFoundError(f"no deployment {deployment_id[:80]!r}")
    return deployment


def _queued_actions(deployment_id: str, waves: Sequence[Sequence[str]]) -> list[dict[str, Any]]:
    # values, not rows: to make an object for each of many devices takes most of the time of a deployment's creation
    blank = ActionRow(id="", deployment_id=deployment_id, wave=0, device_id="").model_dump()
    return [
        {**blank, "id": f"{deployment_id}.{device_id}", "wave": number, "device_id": device_id}
        for number, device_ids in enumerate(waves, 1)
        for device_id in device_ids
    ]


def _open_deployments(session: Session) -> Sequence[str]:
    is_moving = col(DeploymentRow.state).in_({DeploymentState.RUNNING, DeploymentState.ROLLING_BACK})
    is_waiting = exists().where(
        col(ActionRow.deployment_id) == col(DeploymentRow.id),
        col(ActionRow.state).in_({ActionState.OFFERED, ActionState.IN_PROGRESS}),
    )
    query = select(DeploymentRow.id).where(is_moving | is_waiting)
    return session.exec(query.order_by(col(DeploymentRow.created_ms), col(DeploymentRow.id))).all()
