"""Incidents in the making: which alert joins which, and what an incident says of its alerts."""

from collections.abc import Sequence

from sqlalchemy import func, update
from sqlmodel import Session, col, select

from fleet_server.alerts.causes import Cause, absorbs, belongs, shared, summary, worst
from fleet_server.alerts.language import SEVERITIES, Rule
from fleet_server.alerts.tables import AlertRow, IncidentRow
from fleet_server.db import new_key


class Incidents:
    """The open incidents within one transaction.

    Args:
        session: The transaction.
        now_ms: The present.
    """

    def __init__(self, session: Session, now_ms: int) -> None:
        self._session = session
        self._now_ms = now_ms
        self._open: list[IncidentRow] | None = None
        self._touched: set[str] = set()

    def join(self, alert: AlertRow, rule: Rule) -> str:
        """Find the incident that a new alert belongs to, or make one.

        Returns:
            Its id.
        """
        cause = Cause(alert.rule, alert.kind, alert.model, alert.deployment_id, alert.features)
        found = [row for row in self._open_incidents() if self._belongs(cause, row, rule)]
        # that of the whole fleet before that of one rule
        row = min(found, key=lambda row: row.kind != "fleet") if found else self._make(alert, rule)
        if row.kind == alert.kind:  # a device's few features do not narrow down what the whole fleet does
            row.features = shared(row.features, alert.features)
        row.joined_ms = self._now_ms
        row.asks_retraining = row.asks_retraining or rule.request_retraining
        self.touch(row.incident_id)
        self._absorb(row, rule)
        return row.incident_id

    def touch(self, incident_id: str) -> None:
        """Note that an alert of an incident has changed."""
        self._touched.add(incident_id)

    def settle(self) -> None:
        """Bring the incidents whose alerts have changed up to date."""
        self._session.flush()
        for incident_id in sorted(self._touched):
            row = self._session.get(IncidentRow, incident_id)
            if row is not None and row.state == "open":
                self._sum_up(row)
        self._touched.clear()

    def _open_incidents(self) -> list[IncidentRow]:
        if self._open is None:
            query = select(IncidentRow).where(IncidentRow.state == "open").order_by(col(IncidentRow.incident_id))
            self._open = list(self._session.exec(query))
        return self._open

    def _belongs(self, cause: Cause, row: IncidentRow, rule: Rule) -> bool:
        idle_ms = self._now_ms - row.joined_ms
        return row.state == "open" and belongs(cause, _cause(row), idle_ms, rule.together_s)

    def _make(self, alert: AlertRow, rule: Rule) -> IncidentRow:
        row = IncidentRow(
            incident_id=new_key(self._now_ms),
            state="open",
            severity=alert.severity,
            rule=alert.rule,
            kind=alert.kind,
            model=alert.model,
            deployment_id=alert.deployment_id,
            features=list(alert.features),
            devices=0,
            sentence=alert.sentence,
            first_sentence=alert.sentence,
            owner=rule.owner,
            receivers=list(rule.receivers),
            opened_ms=self._now_ms,
            joined_ms=self._now_ms,
            untold=True,
        )
        self._session.add(row)
        self._session.flush()
        self._open_incidents().append(row)
        return row

    def _absorb(self, fleet: IncidentRow, rule: Rule) -> None:
        """Let an incident of the whole fleet take in what devices told of it before."""
        for row in self._open_incidents():
            idle_ms = self._now_ms - row.joined_ms
            if row.state == "open" and absorbs(_cause(fleet), _cause(row), idle_ms, rule.together_s):
                self._session.execute(
                    update(AlertRow)
                    .where(col(AlertRow.incident_id) == row.incident_id)
                    .values(incident_id=fleet.incident_id)
                )
                row.state, row.closed_ms, row.merged_into = "closed", self._now_ms, fleet.incident_id
                row.untold = row.told_severity is not None
                fleet.asks_retraining = fleet.asks_retraining or row.asks_retraining

    def _sum_up(self, row: IncidentRow) -> None:
        severities, devices = self._members(row.incident_id)
        if not severities:
            row.state, row.closed_ms = "closed", self._now_ms
            row.untold = row.told_severity is not None
            return
        row.severity = worst(severities)
        row.devices = devices
        row.sentence = summary(_cause(row), devices, row.first_sentence)
        row.untold = row.told_severity is None or _is_worse(row.severity, row.told_severity)

    def _members(self, incident_id: str) -> tuple[Sequence[str], int]:
        open_alerts = (AlertRow.incident_id == incident_id, AlertRow.state == "open")
        severities = self._session.exec(select(AlertRow.severity).where(*open_alerts).distinct()).all()
        devices = select(func.count(col(AlertRow.device_id).distinct())).where(*open_alerts)
        return severities, self._session.exec(devices).one()


def _cause(row: IncidentRow) -> Cause:
    return Cause(row.rule, row.kind, row.model, row.deployment_id, row.features)


def _is_worse(severity: str, told: str) -> bool:
    words: Sequence[str] = SEVERITIES
    return words.index(severity) > words.index(told)
