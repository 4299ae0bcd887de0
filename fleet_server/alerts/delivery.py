"""Sends what waits for the webhooks, signs it, and tries again when it fails.

The receiver checks ``Leeway-Signature: sha256=<hex>``: HMAC-SHA256 of the body with the
webhook's secret. What waits is in the database, so a restart loses nothing. A delivery may
come twice, if the server is killed after it was sent (``delivery_id`` tells), and one that
had to be tried again may come after a later one (the alert's ``state`` tells).
"""

import hashlib
import hmac
import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby

import httpx
from sqlmodel import col, select

from fleet_server.alerts.backoff import retry_ms
from fleet_server.alerts.tables import DeliveryRow, WebhookRow
from fleet_server.clock import Clock
from fleet_server.db import Database

_logger = logging.getLogger(__name__)

BATCH_DELIVERIES = 100
TIMEOUT_S = 5.0
_SENDERS = 8
SIGNATURE_HEADER = "Leeway-Signature"


@dataclass(frozen=True)
class _Outcome:
    delivery_id: str
    error: str
    """Empty if it arrived."""


def sign(secret: str, body: bytes) -> str:
    """Return the value of the signature header.

    Source: RFC 2104.
    """
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


class Delivery:
    """Sends what is due, to several addresses at a time.

    Args:
        database: Where it waits.
        clock: Gives the present.
        timeout_s: Longest time to wait for an address.
    """

    def __init__(self, database: Database, clock: Clock, *, timeout_s: float = TIMEOUT_S) -> None:
        self._database = database
        self._clock = clock
        self._timeout_s = timeout_s

    def deliver(self) -> int:
        """Send what is due.

        Returns:
            How many deliveries arrived.
        """
        due = self._due()
        if not due:
            return 0
        by_webhook = [list(group) for _, group in groupby(due, lambda pair: pair[1].webhook_id)]
        with ThreadPoolExecutor(_SENDERS) as senders, self._client() as client:
            outcomes = [
                one for some in senders.map(lambda some: self._send_all(client, some), by_webhook) for one in some
            ]
        for outcome in outcomes:
            self._settle(outcome)
        return sum(not outcome.error for outcome in outcomes)

    def _client(self) -> httpx.Client:
        return httpx.Client(timeout=self._timeout_s, follow_redirects=False)

    def _due(self) -> list[tuple[DeliveryRow, WebhookRow]]:
        query = select(DeliveryRow, WebhookRow).where(
            DeliveryRow.webhook_id == WebhookRow.webhook_id, col(DeliveryRow.due_ms) <= self._clock()
        )
        query = query.order_by(col(DeliveryRow.webhook_id), col(DeliveryRow.due_ms), col(DeliveryRow.delivery_id))
        with self._database.reading() as session:
            return [(delivery, webhook) for delivery, webhook in session.exec(query.limit(BATCH_DELIVERIES))]

    def _send_all(self, client: httpx.Client, pairs: list[tuple[DeliveryRow, WebhookRow]]) -> list[_Outcome]:
        outcomes: list[_Outcome] = []
        for delivery, webhook in pairs:
            outcomes.append(_Outcome(delivery.delivery_id, _send(client, delivery, webhook)))
            if outcomes[-1].error:  # the others to this address would fail alike, and each costs a timeout
                break
        return outcomes

    def _settle(self, outcome: _Outcome) -> None:
        with self._database.session() as session:
            row = session.get(DeliveryRow, outcome.delivery_id)
            if row is None:  # its webhook was removed meanwhile
                return
            if not outcome.error:
                session.delete(row)
                return
            row.attempts += 1
            row.last_error = outcome.error
            wait_ms = retry_ms(row.attempts)
            if wait_ms is None:
                _logger.warning(
                    "delivery %s given up after %s attempts: %s", row.delivery_id, row.attempts, outcome.error
                )
                session.delete(row)
                return
            row.due_ms = self._clock() + wait_ms
            session.add(row)


def _send(client: httpx.Client, delivery: DeliveryRow, webhook: WebhookRow) -> str:
    headers = {"Content-Type": "application/json", SIGNATURE_HEADER: sign(webhook.secret, delivery.body)}
    try:
        answer = client.post(webhook.url, content=delivery.body, headers=headers)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return f"{type(error).__name__}: {error}"[:500]
    return "" if answer.is_success else f"HTTP status {answer.status_code}"
