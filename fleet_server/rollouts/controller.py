"""Carries a deployment on: lets the clocks end actions, asks the policy, and does what it says."""

from collections.abc import Callable

import msgspec
from sqlmodel import Session, col, select

from fleet_server.audit.service import AuditService
from fleet_server.broker.ingest import Outbound
from fleet_server.bundles.service import BundleService
from fleet_server.clock import Clock
from fleet_server.devices.service import DeviceService
from fleet_server.rollouts.offers import RETURN_WAVE, Offers
from fleet_server.rollouts.policy import (
    Abandon,
    Action,
    Decision,
    Finish,
    PassWave,
    SkipWave,
    SoakWave,
    StartWave,
    StopAtWave,
    Wave,
    decide,
    overdue,
)
from fleet_server.rollouts.spec import DeploymentSpec, RolloutAlert
from fleet_server.rollouts.states import OPEN, ActionState, DeploymentState, Reason, WaveState
from fleet_server.rollouts.tables import ActionRow, DeploymentRow, WaveRow

Alert = Callable[[Session, RolloutAlert], None]
"""Told, in the transaction in which it pauses, of a deployment that needs a person."""


class Controller:
    """Steps one deployment within the caller's transaction."""

    def __init__(  # noqa: PLR0913, PLR0917  (explicit collaborators)
        self,
        devices: DeviceService,
        bundles: BundleService,
        offers: Offers,
        audit: AuditService,
        clock: Clock,
        alert: Alert,
    ) -> None:
        self._devices = devices
        self._bundles = bundles
        self._offers = offers
        self._audit = audit
        self._clock = clock
        self._alert = alert

    def step(self, session: Session, deployment: DeploymentRow) -> list[Outbound]:
        """Bring the deployment to where its devices and the clock allow; return what to publish after the commit."""
        outbound: list[Outbound] = []
        spec = spec_of(deployment)
        actions = actions_of(session, deployment.id)
        self._expire(actions, spec)
        if deployment.state == DeploymentState.ROLLING_BACK:
            self._end_rollback(session, deployment, actions)
        while deployment.state == DeploymentState.RUNNING:
            waves = waves_of(session, deployment.id)
            decision = decide([_view(wave, actions) for wave in waves], spec.thresholds, self._clock())
            if decision is None:
                break
            outbound += self._do(session, deployment, decision, actions)
        return outbound

    def _expire(self, actions: list[ActionRow], spec: DeploymentSpec) -> None:
        for action in actions:
            state = overdue(_action(action), spec.thresholds, self._clock())
            if state is not None:
                action.state, action.ended_ms = state, self._clock()

    def _end_rollback(self, session: Session, deployment: DeploymentRow, actions: list[ActionRow]) -> None:
        returns = [action for action in actions if action.wave == RETURN_WAVE]
        if not any(action.state in OPEN for action in returns):
            back = sum(action.state == ActionState.SUCCEEDED for action in returns)
            self._move(session, deployment, DeploymentState.ROLLED_BACK, f"{back} of {len(returns)} devices are back")

    def _do(
        self, session: Session, deployment: DeploymentRow, decision: Decision, actions: list[ActionRow]
    ) -> list[Outbound]:
        if isinstance(decision, Finish):
            self._move(session, deployment, DeploymentState.FINISHED, "")
            return []
        if isinstance(decision, Abandon):
            detail = "later deployments have taken its devices"
            self._move(session, deployment, DeploymentState.ABORTED, detail, Reason.SUPERSEDED)
            return []
        outbound: list[Outbound] = []
        wave = session.get_one(WaveRow, (deployment.id, decision.number))
        match decision:
            case StartWave():
                wave.state, wave.started_ms = WaveState.RUNNING, self._clock()
                outbound = self._start(session, deployment, wave, actions)
            case SkipWave():
                wave.state = WaveState.SKIPPED
            case SoakWave():
                wave.state, wave.succeeded_ms = WaveState.SOAKING, self._clock()
            case PassWave():
                wave.state = WaveState.PASSED
            case StopAtWave():
                wave.state, wave.reason, wave.detail = decision.state, decision.reason, decision.detail
                self._stop(session, deployment, decision)
        session.add(wave)
        self._audit.record(
            session,
            "server",
            f"wave.{wave.state}",
            deployment.id,
            wave=wave.number,
            reason=wave.reason,
            detail=wave.detail,
        )
        return outbound

    def _start(
        self, session: Session, deployment: DeploymentRow, wave: WaveRow, actions: list[ActionRow]
    ) -> list[Outbound]:
        bundles = self._bundles.variants(deployment.model, deployment.version)
        queued = [action for action in actions if action.wave == wave.number and action.state == ActionState.QUEUED]
        return self._offers.offer(session, deployment, queued, self._devices.profiles(), bundles)

    def _stop(self, session: Session, deployment: DeploymentRow, decision: StopAtWave) -> None:
        self._move(session, deployment, DeploymentState.PAUSED, decision.detail, decision.reason)
        alert = RolloutAlert(
            deployment_id=deployment.id,
            model=deployment.model,
            version=deployment.version,
            wave=decision.number,
            reason=decision.reason,
            detail=decision.detail,
        )
        self._alert(session, alert)

    def _move(
        self,
        session: Session,
        deployment: DeploymentRow,
        state: DeploymentState,
        detail: str,
        reason: Reason = Reason.NONE,
    ) -> None:
        deployment.state, deployment.reason, deployment.detail = state, reason, detail
        deployment.changed_ms = self._clock()
        session.add(deployment)
        self._audit.record(session, "server", f"deployment.{state}", deployment.id, reason=reason, detail=detail)


def spec_of(deployment: DeploymentRow) -> DeploymentSpec:
    """Return what the deployment was asked to do."""
    return msgspec.convert(deployment.request, DeploymentSpec)


def actions_of(session: Session, deployment_id: str) -> list[ActionRow]:
    """Return the actions of a deployment, locked, in order of id."""
    query = select(ActionRow).where(ActionRow.deployment_id == deployment_id)
    return list(session.exec(query.order_by(col(ActionRow.id)).with_for_update()))


def waves_of(session: Session, deployment_id: str) -> list[WaveRow]:
    """Return the waves of a deployment in order."""
    query = select(WaveRow).where(WaveRow.deployment_id == deployment_id).order_by(col(WaveRow.number))
    return list(session.exec(query))


def _view(wave: WaveRow, actions: list[ActionRow]) -> Wave:
    members = tuple(_action(action) for action in actions if action.wave == wave.number)
    return Wave(wave.number, WaveState(wave.state), members, wave.succeeded_ms, wave.accepted)


def _action(row: ActionRow) -> Action:
    return Action(row.device_id, ActionState(row.state), row.offered_ms, row.began_ms)
