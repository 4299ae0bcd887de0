"""The requests: opened by people and by incidents, carried on by people and by versions."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, cast

from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from device_contract.baseline import DAY_MS
from device_contract.manifest import decode_manifest
from fleet_server.alerts.language import Severity
from fleet_server.alerts.routing.notices import Notice
from fleet_server.alerts.routing.receivers import ReceiverService
from fleet_server.alerts.tables import IncidentRow
from fleet_server.audit.service import AuditService
from fleet_server.bundles.tables import BundleRow, ModelRow
from fleet_server.clock import Clock
from fleet_server.db import Database, existing, new_key, newest_first
from fleet_server.errors import ConflictError, NotFoundError
from fleet_server.retraining.evidence import DATA_DAYS, Figure, Performance, gather
from fleet_server.retraining.states import LIVE, State, Verb, following
from fleet_server.retraining.tables import RetrainingCauseRow, RetrainingRow

ANSWERS: Final = "answers"
"""The parameter of a version's lineage that names the request that it answers."""
_SERVER: Final = "server"


@dataclass(frozen=True)
class _Order:
    model: str
    reason: str
    opened_by: str
    severity: Severity
    receivers: Sequence[str] = ()


class RetrainingService:
    """Requests to train models anew.

    Args:
        database: Where they are kept.
        performance: Knows how well models do.
        receivers: Are told of every change.
        audit: Is told of every change.
        clock: Gives the present.
    """

    def __init__(
        self,
        database: Database,
        performance: Performance,
        receivers: ReceiverService,
        audit: AuditService,
        clock: Clock,
    ) -> None:
        self._database = database
        self._performance = performance
        self._receivers = receivers
        self._audit = audit
        self._clock = clock

    def open(self, actor: str, model: str, reason: str) -> RetrainingRow:
        """Ask for a model to be trained anew.

        Raises:
            NotFoundError: There is no such model.
            ConflictError: It is asked for already.
        """
        figures = self._figures(model)
        with self._database.session() as session:
            existing(session, ModelRow, model, "model")
            live = _live(session, model)
            if live is not None:
                raise ConflictError(f"request {live.request_id} is {live.state} already", code="request_exists")
            return self._open(session, _Order(model, reason, actor, "warning"), gather(session, model, figures))

    def carry_on(self, actor: str, request_id: str, verb: Verb, version: str | None = None) -> RetrainingRow:
        """Accept, answer or withdraw a request.

        Raises:
            NotFoundError: There is no such request, or the version that answers is none of the model's.
            ConflictError: The verb does not apply to its state.
        """
        with self._database.session() as session:
            row = existing(session, RetrainingRow, request_id, "retraining request")
            if version is not None and not _versions(session, row.model, version):
                raise NotFoundError(f"no version {version[:80]!r} of model {row.model!r}")
            self._carry_on(session, actor, row, verb, version)
            return row

    def step(self) -> None:
        """Open what incidents ask for, and close what versions answer."""
        with self._database.reading() as session:
            asking = _asking(session)
        for incident in asking:
            self._follow(incident)
        with self._database.session() as session:
            for row in session.exec(select(RetrainingRow).where(col(RetrainingRow.state).in_(LIVE))).all():
                version = _answering(session, row)
                if version is not None:
                    self._carry_on(session, _SERVER, row, "answer", version)

    def live(self, model: str) -> RetrainingRow | None:
        """Return the request of a model that is open or accepted."""
        with self._database.reading() as session:
            return _live(session, model)

    def get(self, request_id: str) -> RetrainingRow:
        """Return a request.

        Raises:
            NotFoundError: There is no such request.
        """
        with self._database.reading() as session:
            return existing(session, RetrainingRow, request_id, "retraining request")

    def list(
        self, *, limit: int, model: str | None = None, state: State | None = None, before: str | None = None
    ) -> Sequence[RetrainingRow]:
        """Return requests, the newest first."""
        query = newest_first(RetrainingRow, "request_id", limit=limit, before=before, model=model, state=state)
        with self._database.reading() as session:
            return session.exec(query).all()

    def _figures(self, model: str) -> Sequence[Figure]:
        now_ms = self._clock()
        return self._performance.figures(model, now_ms - DATA_DAYS * DAY_MS, now_ms)

    def _follow(self, incident: IncidentRow) -> None:
        """Let an incident become part of its model's request, which it opens if there is none."""
        model = incident.model or ""
        figures = self._figures(model)
        with self._database.session() as session:
            row = _live(session, model)
            if row is None:
                order = _Order(
                    model,
                    incident.sentence,
                    f"rule:{incident.rule}",
                    cast("Severity", incident.severity),
                    incident.receivers,
                )
                row = self._open(session, order, gather(session, model, figures))
            session.add(RetrainingCauseRow(incident_id=incident.incident_id, request_id=row.request_id))

    def _open(self, session: Session, order: _Order, evidence: dict[str, object]) -> RetrainingRow:
        now_ms = self._clock()
        row = RetrainingRow(
            request_id=new_key(now_ms),
            model=order.model,
            state="open",
            reason=order.reason,
            opened_by=order.opened_by,
            opened_ms=now_ms,
            changed_ms=now_ms,
            changed_by=order.opened_by,
            since_ms=now_ms - DATA_DAYS * DAY_MS,
            evidence=evidence,
        )
        session.add(row)
        session.flush()
        self._audit.record(session, order.opened_by, "retraining.open", row.request_id, model=order.model)
        self._receivers.post(session, _notice(row, "opened", order.severity), order.receivers)
        return row

    def _carry_on(self, session: Session, actor: str, row: RetrainingRow, verb: Verb, version: str | None) -> None:
        row.state = following(cast("State", row.state), verb)
        row.version, row.changed_ms, row.changed_by = version, self._clock(), actor
        session.add(row)
        self._audit.record(session, actor, f"retraining.{verb}", row.request_id, model=row.model, version=version)
        self._receivers.post(session, _notice(row, row.state, "information"))


def live_requests() -> SelectOfScalar[str]:
    """Return the query of the requests that are open or accepted."""
    return select(RetrainingRow.request_id).where(col(RetrainingRow.state).in_(LIVE))


def causes_of_live() -> SelectOfScalar[str]:
    """Return the query of the incidents that have asked for what is open or accepted still."""
    return select(RetrainingCauseRow.incident_id).where(col(RetrainingCauseRow.request_id).in_(live_requests()))


def _notice(row: RetrainingRow, event: str, severity: Severity) -> Notice:
    answer = f" by version {row.version}" if row.version else ""
    lines = (row.reason, "", f"request: {row.request_id}, {event}{answer}", f"by: {row.changed_by}", "")
    return Notice(
        event=f"retraining.{event}",
        severity=severity,
        subject=f"[retraining] {row.model}: {event}{answer}",
        text="\n".join(lines),
        body={"retraining": row.model_dump()},
    )


def _live(session: Session, model: str) -> RetrainingRow | None:
    query = select(RetrainingRow).where(RetrainingRow.model == model, col(RetrainingRow.state).in_(LIVE))
    return session.exec(query).first()


def _asking(session: Session) -> Sequence[IncidentRow]:
    """Return the open incidents that ask for training and are part of no request yet."""
    query = select(IncidentRow).where(
        IncidentRow.state == "open",
        col(IncidentRow.asks_retraining),
        col(IncidentRow.model).in_(select(ModelRow.name)),
        col(IncidentRow.incident_id).not_in(select(RetrainingCauseRow.incident_id)),
    )
    return session.exec(query.order_by(col(IncidentRow.incident_id))).all()


def _versions(session: Session, model: str, version: str) -> Sequence[BundleRow]:
    return session.exec(select(BundleRow).where(BundleRow.model == model, BundleRow.version == version)).all()


def _answering(session: Session, row: RetrainingRow) -> str | None:
    """Return the version, published since, whose lineage names the request."""
    query = select(BundleRow).where(BundleRow.model == row.model, col(BundleRow.published_ms) >= row.opened_ms)
    for bundle in session.exec(query.order_by(col(BundleRow.release_counter))):
        if decode_manifest(bundle.manifest).lineage.parameters.get(ANSWERS) == row.request_id:
            return bundle.version
    return None
