"""Opening, closing and acknowledging alerts."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from sqlmodel import Session, col, select

from fleet_server.alerts.rules import OpenAlert, Severity, decide
from fleet_server.alerts.tables import AlertCursorRow, AlertRow
from fleet_server.alerts.webhooks import WebhookService
from fleet_server.audit.service import AuditService
from fleet_server.clock import Clock
from fleet_server.db import Database
from fleet_server.drift.service import DriftService
from fleet_server.drift.tables import VerdictChangeRow
from fleet_server.errors import NotFoundError

BATCH_CHANGES = 500
_CURSOR = "verdict_changes"


@dataclass(frozen=True)
class DeploymentAlert:
    """What a rollout has to tell."""

    deployment_id: str
    model: str
    version: str
    severity: Severity
    sentence: str


class AlertService:
    """The alerts.

    Args:
        database: Where they are kept.
        drift: Gives the changes of verdicts.
        webhooks: Are told of every change.
        audit: Is told who acknowledged.
        clock: Gives the present.
    """

    def __init__(
        self, database: Database, drift: DriftService, webhooks: WebhookService, audit: AuditService, clock: Clock
    ) -> None:
        self._database = database
        self._drift = drift
        self._webhooks = webhooks
        self._audit = audit
        self._clock = clock

    def consider_new(self) -> int:
        """Open and close alerts by the verdicts that changed since the last call.

        Returns:
            How many changes there were.
        """
        with self._database.reading() as session:
            place = session.get(AlertCursorRow, _CURSOR)
        changes = self._drift.changes_after(place.ordinal if place else 0, BATCH_CHANGES)
        if changes:
            with self._database.session() as session:
                for change in changes:
                    self._consider(session, change)
                session.merge(AlertCursorRow(name=_CURSOR, ordinal=max(change.ordinal or 0 for change in changes)))
        return len(changes)

    def raise_alert(self, alert: DeploymentAlert) -> None:
        """Tell of a deployment that needs a person; one that is told of already is brought up to date."""
        row = AlertRow(
            alert_id=self._new_id(),
            subject=f"rollout {alert.deployment_id}",
            state="open",
            severity=alert.severity,
            kind="rollout",
            model=alert.model,
            version=alert.version,
            deployment_id=alert.deployment_id,
            features=[],
            sentence=alert.sentence,
            evidence={},
            opened_ms=self._clock(),
        )
        with self._database.session() as session:
            self._open(session, row)

    def list(self, *, limit: int, state: str | None = None, before: str | None = None) -> Sequence[AlertRow]:
        """Return alerts, the newest first."""
        query = select(AlertRow).order_by(col(AlertRow.alert_id).desc()).limit(limit)
        if state is not None:
            query = query.where(AlertRow.state == state)
        if before is not None:
            query = query.where(col(AlertRow.alert_id) < before)
        with self._database.reading() as session:
            return session.exec(query).all()

    def acknowledge(self, actor: str, alert_id: str) -> AlertRow:
        """Note who has seen an alert first; once more changes nothing.

        Raises:
            NotFoundError: There is no such alert.
        """
        with self._database.session() as session:
            row = session.get(AlertRow, alert_id)
            if row is None:
                raise NotFoundError(f"no alert {alert_id[:80]!r}")
            if row.acknowledged_ms is None:
                row.acknowledged_ms, row.acknowledged_by = self._clock(), actor
                self._audit.record(session, actor, "alert.acknowledge", alert_id)
            return row

    def _consider(self, session: Session, change: VerdictChangeRow) -> None:
        streams = [*change.features, *change.outputs]
        decision = decide(change.kind, change.verdict, change.severity, streams, change.sentence)
        subject = f"{change.kind} {change.device_id} {change.model}"
        if isinstance(decision, OpenAlert):
            row = AlertRow(
                alert_id=self._new_id(),
                subject=subject,
                state="open",
                severity=decision.severity,
                kind=change.kind,
                device_id=change.device_id,
                model=change.model,
                version=change.version,
                features=list(decision.features),
                sentence=decision.sentence,
                evidence=change.evidence,
                opened_ms=self._clock(),
            )
            self._open(session, row)
        elif decision is not None:
            self._close(session, subject)

    def _open(self, session: Session, row: AlertRow) -> None:
        held = _open_alert(session, row.subject)
        if held is None:
            session.add(row)
            self._webhooks.enqueue(session, "opened", row)
            return
        told = ("severity", "version", "features", "sentence")
        if any(getattr(held, name) != getattr(row, name) for name in told):
            for name in (*told, "evidence"):
                setattr(held, name, getattr(row, name))
            self._webhooks.enqueue(session, "changed", held)

    def _close(self, session: Session, subject: str) -> None:
        held = _open_alert(session, subject)
        if held is not None:
            held.state, held.closed_ms = "closed", self._clock()
            self._webhooks.enqueue(session, "closed", held)

    def _new_id(self) -> str:
        return f"{self._clock():013d}-{secrets.token_hex(4)}"


def _open_alert(session: Session, subject: str) -> AlertRow | None:
    return session.exec(select(AlertRow).where(AlertRow.subject == subject, AlertRow.state == "open")).first()
