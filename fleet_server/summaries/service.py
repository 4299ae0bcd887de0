"""Makes summaries when they are asked for, and sends them when they are due."""

import secrets
from collections.abc import Sequence
from dataclasses import asdict
from typing import cast

from sqlmodel import Session, col, select

from device_contract.baseline import DAY_MS
from fleet_server.alerts.routing.notices import Notice
from fleet_server.alerts.routing.receivers import ReceiverService
from fleet_server.alerts.routing.tables import ReceiverRow
from fleet_server.audit.service import AuditService
from fleet_server.bundles.tables import ModelRow
from fleet_server.clock import Clock
from fleet_server.db import Database, existing
from fleet_server.errors import InvalidRequestError
from fleet_server.retraining.evidence import Performance
from fleet_server.summaries.facts import Summary
from fleet_server.summaries.gathering import Gathering
from fleet_server.summaries.page import html, text
from fleet_server.summaries.schedule import DAYS, Every, is_due
from fleet_server.summaries.tables import SubscriptionRow
from fleet_server.turns import each_in_turn


class SummaryService:
    """The summaries, and who gets them.

    Args:
        database: Where everything is.
        performance: Knows how well models do.
        receivers: Get the summaries.
        audit: Is told who arranged what.
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

    def summary(self, model: str | None, days: int) -> Summary:
        """Sum up the last days of a model, or of the whole fleet.

        Raises:
            NotFoundError: There is no such model.
        """
        until_ms = self._clock()
        since_ms = until_ms - days * DAY_MS
        figures = self._performance.figures(model, since_ms, until_ms) if model else ()
        with self._database.reading() as session:
            _check_model(session, model)
            gathering = Gathering(session, model)
            devices, versions = gathering.fleet(until_ms)
            verdicts, streams = gathering.verdicts()
            return Summary(
                model=model,
                since_ms=since_ms,
                until_ms=until_ms,
                devices=devices,
                versions=versions,
                verdicts=verdicts,
                streams=streams,
                incidents=gathering.incidents(since_ms),
                alerts=gathering.alerts(since_ms, until_ms),
                performance=list(figures),
                retraining=gathering.retraining(),
            )

    def subscribe(self, actor: str, receiver: str, model: str | None, every: Every, hour: int) -> SubscriptionRow:
        """Let a receiver get a summary each day or week.

        Raises:
            NotFoundError: There is no such receiver or model.
            InvalidRequestError: The receiver reads no e-mail.
        """
        row = SubscriptionRow(
            subscription_id=secrets.token_hex(8),
            receiver=receiver,
            model=model,
            every=every,
            hour=hour,
            last_ms=self._clock(),
        )
        with self._database.session() as session:
            _check_model(session, model)
            if existing(session, ReceiverRow, receiver, "receiver").kind != "mail":
                raise InvalidRequestError(f"receiver {receiver!r} reads no e-mail: a summary is a page for people")
            session.add(row)
            detail = {"receiver": receiver, "model": model, "every": every, "hour": hour}
            self._audit.record(session, actor, "summary.subscribe", row.subscription_id, **detail)
        return row

    def subscriptions(self, *, limit: int, after: str | None = None) -> Sequence[SubscriptionRow]:
        """Return who gets summaries, in order of id."""
        query = select(SubscriptionRow).where(col(SubscriptionRow.subscription_id) > (after or ""))
        with self._database.reading() as session:
            return session.exec(query.order_by(col(SubscriptionRow.subscription_id)).limit(limit)).all()

    def unsubscribe(self, actor: str, subscription_id: str) -> None:
        """Send a summary no more.

        Raises:
            NotFoundError: There is no such subscription.
        """
        with self._database.session() as session:
            row = existing(session, SubscriptionRow, subscription_id, "subscription")
            session.delete(row)
            self._audit.record(session, actor, "summary.unsubscribe", subscription_id)

    def step(self) -> None:
        """Send what is due."""
        with self._database.reading() as session:
            rows = session.exec(select(SubscriptionRow)).all()
        now_ms = self._clock()
        due = [row for row in rows if is_due(cast("Every", row.every), row.hour, row.last_ms, now_ms)]
        each_in_turn(due, self._send)

    def _send(self, row: SubscriptionRow) -> None:
        notice = _notice(self.summary(row.model, DAYS[cast("Every", row.every)]), row.every)
        with self._database.session() as session:
            held = session.get(SubscriptionRow, row.subscription_id)
            if held is not None:  # nobody has ended it meanwhile
                held.last_ms = self._clock()
                self._receivers.post(session, notice, [row.receiver])


def _notice(summary: Summary, every: str) -> Notice:
    about = summary.model or "fleet"
    return Notice(
        event="summary.due",
        severity="critical",  # whoever asked for it gets it, whatever news he wants besides
        subject=f"[summary] {about}: the {every}",
        text=text(summary),
        body={"summary": asdict(summary)},
        html=html(summary),
    )


def _check_model(session: Session, model: str | None) -> None:
    if model is not None:
        existing(session, ModelRow, model, "model")
