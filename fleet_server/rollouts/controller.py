"""Carries a deployment on: lets the clocks end actions, asks the policy, and does what it says."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec
from sqlalchemy import ColumnElement
from sqlmodel import Session, col, select

from fleet_server.audit.service import AuditService
from fleet_server.broker.ingest import Outbound
from fleet_server.bundles.service import BundleService
from fleet_server.clock import Clock
from fleet_server.devices.service import DeviceService
from fleet_server.rollouts.offers import Offers
from fleet_server.rollouts.policy import (
    Abandon,
    Decision,
    Finish,
    OfferWave,
    PassWave,
    SkipWave,
    SoakWave,
    StartWave,
    StopAtWave,
    Thresholds,
    Wave,
    deadlines,
    decide,
)
from fleet_server.rollouts.spec import DeploymentSpec, RolloutAlert
from fleet_server.rollouts.states import OPEN, ActionState, DeploymentState, Reason, WaveState
from fleet_server.rollouts.tables import ActionRow, DeploymentRow, WaveRow
from fleet_server.rollouts.views import Counts, WaveView, view

Alert = Callable[[Session, RolloutAlert], None]
"""Told, in the transaction in which it pauses or goes on, of a deployment that needs a person."""
_SINCE: Final = {ActionState.OFFERED: ActionRow.offered_ms, ActionState.IN_PROGRESS: ActionRow.began_ms}
"""When an action came into a state that a clock ends."""
OFFERS_A_STEP: Final = 500
"""Devices to which a version is offered in one transaction: so long do other writers wait."""


@dataclass(frozen=True)
class Step:
    """What came of a step.

    Attributes:
        outbound: To be published after the commit.
        goes_on: Whether more is to be done at once, in another transaction.
    """

    outbound: Sequence[Outbound] = ()
    goes_on: bool = False


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

    def step(self, session: Session, deployment: DeploymentRow) -> Step:
        """Bring the deployment towards where its devices and the clock allow: up to the next offers."""
        thresholds = spec_of(deployment).thresholds
        self._expire(session, deployment, thresholds)
        if deployment.state == DeploymentState.ROLLING_BACK:
            self._end_rollback(session, deployment, view(session, [deployment])[0].returns)
        while deployment.state == DeploymentState.RUNNING:
            # counted by the database: a fleet has too many actions to read them all each second
            waves = [_wave(wave) for wave in view(session, [deployment])[0].waves]
            decision = decide(waves, thresholds, self._clock())
            if decision is None:
                break
            if isinstance(decision, OfferWave):
                return Step(self._offer(session, deployment, decision.number), goes_on=True)
            self._do(session, deployment, decision)
        return Step()

    def _expire(self, session: Session, deployment: DeploymentRow, thresholds: Thresholds) -> None:
        now_ms = self._clock()
        for deadline in deadlines(thresholds, now_ms):
            late = (col(ActionRow.state) == deadline.state, col(_SINCE[deadline.state]) <= deadline.since_ms)
            # Nearly always there is none. Asked for in order of id, SQLite would walk all the deployment's actions.
            if not _has_actions(session, deployment.id, *late):
                continue
            for action in actions_of(session, deployment.id, *late):
                action.state, action.ended_ms = deadline.end, now_ms

    def _end_rollback(self, session: Session, deployment: DeploymentRow, returns: Counts) -> None:
        if not any(returns.get(state) for state in OPEN):
            back = returns.get(ActionState.SUCCEEDED, 0)
            detail = f"{back} of {sum(returns.values())} devices are back"
            self._move(session, deployment, DeploymentState.ROLLED_BACK, detail)

    def _do(self, session: Session, deployment: DeploymentRow, decision: Decision) -> None:
        if isinstance(decision, Finish):
            self._move(session, deployment, DeploymentState.FINISHED, "")
            return
        if isinstance(decision, Abandon):
            detail = "later deployments have taken its devices"
            self._move(session, deployment, DeploymentState.ABORTED, detail, Reason.SUPERSEDED)
            return
        wave = session.get_one(WaveRow, (deployment.id, decision.number))
        match decision:
            case StartWave():
                wave.state, wave.started_ms = WaveState.RUNNING, self._clock()
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

    def _offer(self, session: Session, deployment: DeploymentRow, wave: int) -> list[Outbound]:
        bundles = self._bundles.variants(deployment.model, deployment.version)
        is_queued = col(ActionRow.state) == ActionState.QUEUED
        queued = actions_of(session, deployment.id, is_queued, col(ActionRow.wave) == wave, limit=OFFERS_A_STEP)
        profiles = self._devices.profiles([action.device_id for action in queued])
        return self._offers.offer(session, deployment, queued, profiles, bundles)

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


def actions_of(
    session: Session, deployment_id: str, *wanted: ColumnElement[bool], limit: int | None = None
) -> Sequence[ActionRow]:
    """Return the actions of a deployment that are wanted, locked, the first ones in order of id."""
    query = select(ActionRow).where(ActionRow.deployment_id == deployment_id, *wanted)
    return session.exec(query.order_by(col(ActionRow.id)).limit(limit).with_for_update()).all()


def waves_of(session: Session, deployment_id: str) -> list[WaveRow]:
    """Return the waves of a deployment in order."""
    query = select(WaveRow).where(WaveRow.deployment_id == deployment_id).order_by(col(WaveRow.number))
    return list(session.exec(query))


def _wave(wave: WaveView) -> Wave:
    row = wave.row
    return Wave(row.number, WaveState(row.state), wave.counts, row.succeeded_ms, row.accepted)


def _has_actions(session: Session, deployment_id: str, *wanted: ColumnElement[bool]) -> bool:
    query = select(ActionRow.id).where(ActionRow.deployment_id == deployment_id, *wanted).limit(1)
    return session.exec(query).first() is not None
