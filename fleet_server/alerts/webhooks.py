"""The addresses that alerts are sent to."""

import secrets
from collections.abc import Sequence

import httpx
from sqlmodel import Session, col, select

from device_contract.canonical import canonical_json
from fleet_server.alerts.tables import AlertRow, DeliveryRow, WebhookRow
from fleet_server.audit.service import AuditService
from fleet_server.clock import Clock
from fleet_server.db import Database
from fleet_server.errors import InvalidRequestError, NotFoundError

MAX_URL_CHARACTERS = 2048


class WebhookService:
    """Webhooks, and what waits to be sent to them.

    Args:
        database: Where they are kept.
        audit: Is told of every change.
        clock: Gives the present.
    """

    def __init__(self, database: Database, audit: AuditService, clock: Clock) -> None:
        self._database = database
        self._audit = audit
        self._clock = clock

    def create(self, actor: str, url: str) -> WebhookRow:
        """Add a webhook, with a new secret.

        Raises:
            InvalidRequestError: The address is not an http or https one.
        """
        row = WebhookRow(
            webhook_id=secrets.token_hex(8),
            url=_checked(url),
            secret=secrets.token_urlsafe(32),
            created_ms=self._clock(),
        )
        with self._database.session() as session:
            session.add(row)
            self._audit.record(session, actor, "webhook.create", row.webhook_id, host=httpx.URL(url).host)
        return row

    def list(self, *, limit: int, after: str | None = None) -> Sequence[WebhookRow]:
        """Return webhooks in order of id."""
        query = select(WebhookRow).where(col(WebhookRow.webhook_id) > (after or ""))
        with self._database.reading() as session:
            return session.exec(query.order_by(col(WebhookRow.webhook_id)).limit(limit)).all()

    def delete(self, actor: str, webhook_id: str) -> None:
        """Remove a webhook, and what waits for it.

        Raises:
            NotFoundError: There is no such webhook.
        """
        with self._database.session() as session:
            row = session.get(WebhookRow, webhook_id)
            if row is None:
                raise NotFoundError(f"no webhook {webhook_id[:80]!r}")
            session.delete(row)
            self._audit.record(session, actor, "webhook.delete", webhook_id)

    def enqueue(self, session: Session, event: str, alert: AlertRow) -> None:
        """Let every webhook be told of an alert, in the transaction that changes the alert.

        Args:
            session: That transaction.
            event: ``opened``, ``changed`` or ``closed``.
            alert: The alert as it is now.
        """
        for webhook in session.exec(select(WebhookRow)):
            delivery_id = secrets.token_hex(16)
            told = {
                "schema_version": 1,
                "delivery_id": delivery_id,
                "event": event,
                "alert": alert.model_dump(exclude={"subject"}),
            }
            session.add(
                DeliveryRow(
                    delivery_id=delivery_id,
                    webhook_id=webhook.webhook_id,
                    body=canonical_json(told),
                    due_ms=self._clock(),
                )
            )


def _checked(url: str) -> str:
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise InvalidRequestError(f"url: {error}") from error
    if parsed.scheme not in {"http", "https"} or not parsed.host or len(url) > MAX_URL_CHARACTERS:
        raise InvalidRequestError(f"url: an http or https address of at most {MAX_URL_CHARACTERS} characters is needed")
    return url
