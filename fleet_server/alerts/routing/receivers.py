"""Who is told: webhooks, e-mail addresses, and the operators' MQTT topic."""

import logging
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import httpx
from sqlalchemy import func
from sqlmodel import Session, col, select

from fleet_server.alerts.language import SEVERITIES, Severity
from fleet_server.alerts.routing.addresses import check_url
from fleet_server.alerts.routing.notices import Notice, letter_body, program_body
from fleet_server.alerts.routing.tables import DeliveryRow, ReceiverRow
from fleet_server.audit.service import AuditService
from fleet_server.clock import Clock
from fleet_server.db import Database, existing
from fleet_server.errors import ConflictError, InvalidRequestError

_logger = logging.getLogger(__name__)

ReceiverKind = Literal["webhook", "mail", "mqtt"]
MAX_ADDRESS_CHARACTERS: Final = 2048
# One addr-spec of RFC 5322 without its rarer forms: no list, no name, nothing that ends a header line.
_MAIL_ADDRESS: Final = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9.-]{1,253}")


@dataclass(frozen=True)
class Waiting:
    """What is on its way to a receiver."""

    notices: int
    last_error: str
    """Why it has not arrived; empty: it was not tried yet."""


class ReceiverService:
    """The receivers, and what waits to be sent to them.

    Args:
        database: Where they are kept.
        audit: Is told of every change.
        clock: Gives the present.
        internal_webhooks: Whether a webhook may be in a private network.
        has_mail: Whether the settings name a mail server.
    """

    def __init__(
        self, database: Database, audit: AuditService, clock: Clock, *, internal_webhooks: bool, has_mail: bool
    ) -> None:
        self._database = database
        self._audit = audit
        self._clock = clock
        self._internal_webhooks = internal_webhooks
        self._has_mail = has_mail

    def create(
        self, actor: str, name: str, kind: ReceiverKind, address: str, minimum_severity: Severity = "information"
    ) -> ReceiverRow:
        """Add a receiver; a webhook gets a new secret.

        Raises:
            InvalidRequestError: The address is none of its kind, or not allowed.
            ConflictError: There is a receiver of that name.
        """
        self._check(kind, address)
        row = ReceiverRow(
            name=name,
            kind=kind,
            address=address,
            minimum_severity=minimum_severity,
            secret=secrets.token_urlsafe(32) if kind == "webhook" else "",
            created_ms=self._clock(),
        )
        with self._database.session() as session:
            if session.get(ReceiverRow, name) is not None:
                raise ConflictError(f"receiver {name!r} exists", code="receiver_exists")
            session.add(row)
            # everybody may read the log, and the address of a webhook is often all that guards it
            self._audit.record(session, actor, "receiver.create", name, kind=kind, host=_host(kind, address))
        return row

    def list(self, *, limit: int, after: str | None = None) -> Sequence[ReceiverRow]:
        """Return receivers in order of name."""
        query = select(ReceiverRow).where(col(ReceiverRow.name) > (after or ""))
        with self._database.reading() as session:
            return session.exec(query.order_by(col(ReceiverRow.name)).limit(limit)).all()

    def waiting(self, names: Sequence[str]) -> Mapping[str, Waiting]:
        """Return what waits to be sent, by receiver; one for whom nothing waits is missing."""
        columns = col(DeliveryRow.receiver), func.count(), func.max(DeliveryRow.last_error)
        query = select(*columns).where(col(DeliveryRow.receiver).in_(names)).group_by(col(DeliveryRow.receiver))
        with self._database.reading() as session:
            return {name: Waiting(notices, error) for name, notices, error in session.exec(query)}

    def check(self, names: Sequence[str]) -> None:
        """See that receivers are there.

        Raises:
            NotFoundError: One of them is not.
        """
        with self._database.reading() as session:
            for name in names:
                existing(session, ReceiverRow, name, "receiver")

    def delete(self, actor: str, name: str) -> None:
        """Remove a receiver, and what waits for it.

        Raises:
            NotFoundError: There is none of that name.
        """
        with self._database.session() as session:
            session.delete(existing(session, ReceiverRow, name, "receiver"))
            self._audit.record(session, actor, "receiver.delete", name)

    def post(self, session: Session, notice: Notice, names: Sequence[str] = ()) -> None:
        """Let receivers be told, in the transaction of what they are told of.

        Args:
            session: That transaction.
            notice: The news.
            names: Who; nobody in particular: all. Where one of them is gone, all are told, since
                otherwise perhaps nobody would be.
        """
        rows = session.exec(select(ReceiverRow).order_by(col(ReceiverRow.name))).all()
        gone = set(names) - {row.name for row in rows}
        if gone:
            _logger.warning("%s: all receivers are told, for there is no %s", notice.event, ", ".join(sorted(gone)))
        for row in rows:
            if not names or gone or row.name in names:
                self._enqueue(session, notice, row)

    def _enqueue(self, session: Session, notice: Notice, receiver: ReceiverRow) -> None:
        words: Sequence[str] = SEVERITIES
        if words.index(notice.severity) < words.index(receiver.minimum_severity):
            return
        delivery_id = secrets.token_hex(16)
        body = letter_body(notice) if receiver.kind == "mail" else program_body(notice, delivery_id)
        session.add(DeliveryRow(delivery_id=delivery_id, receiver=receiver.name, body=body, due_ms=self._clock()))

    def _check(self, kind: ReceiverKind, address: str) -> None:
        if kind == "webhook":
            check_url(address, allow_internal=self._internal_webhooks)
        elif kind == "mail":
            if not self._has_mail:
                raise InvalidRequestError("no mail server is set: give mail_host and mail_from in fleet.toml")
            if not _MAIL_ADDRESS.fullmatch(address):
                raise InvalidRequestError(f"address: {address[:80]!r} is no e-mail address")
        elif address:
            raise InvalidRequestError("address: MQTT has a topic of its own, give none")


def _host(kind: ReceiverKind, address: str) -> str:
    return httpx.URL(address).host if kind == "webhook" else address.rpartition("@")[2]
