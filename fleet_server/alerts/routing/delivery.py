"""Sends what waits for the receivers, and tries again when it fails.

What waits is in the database, so a restart loses nothing. A delivery may come twice, if the
server is killed after it was sent (``delivery_id`` tells), and one that had to be tried again
may come after a later one (the incident's ``state`` tells).
"""

import logging
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby
from typing import Final, Protocol

from prometheus_client import CollectorRegistry, Counter
from sqlmodel import Session, col, select

from fleet_server.alerts.routing.backoff import retry_ms
from fleet_server.alerts.routing.tables import DeliveryRow, ReceiverRow
from fleet_server.clock import Clock
from fleet_server.db import Database

_logger = logging.getLogger(__name__)

BATCH_DELIVERIES: Final = 100
_SENDERS: Final = 8
_ERROR_CHARACTERS: Final = 500

_Pair = tuple[DeliveryRow, ReceiverRow]


class Channel(Protocol):
    """One way to reach a receiver."""

    def send(self, receiver: ReceiverRow, delivery: DeliveryRow) -> str:
        """Send one delivery; return what went wrong, nothing if it arrived."""


@dataclass(frozen=True)
class _Outcome:
    delivery_id: str
    kind: str
    error: str
    """Empty if it arrived."""


class Delivery:
    """Sends what is due, to several receivers at a time.

    Args:
        database: Where it waits.
        clock: Gives the present.
        channels: By the receivers' kind.
        registry: Where the counter is registered.
    """

    def __init__(
        self, database: Database, clock: Clock, channels: Mapping[str, Channel], *, registry: CollectorRegistry
    ) -> None:
        self._database = database
        self._clock = clock
        self._channels = channels
        self._ended = Counter(
            "leeway_deliveries", "Notices sent, put off and given up.", ["kind", "outcome"], registry=registry
        )

    def deliver(self) -> int:
        """Send what is due.

        Returns:
            How many deliveries arrived.
        """
        due = self._due()
        if not due:
            return 0
        by_receiver = [list(group) for _, group in groupby(due, lambda pair: pair[1].name)]
        with ThreadPoolExecutor(_SENDERS) as senders:
            outcomes = [one for some in senders.map(self._send_all, by_receiver) for one in some]
        for outcome in outcomes:
            self._settle(outcome)
        return sum(not outcome.error for outcome in outcomes)

    def _due(self) -> Sequence[_Pair]:
        query = select(DeliveryRow, ReceiverRow).where(
            DeliveryRow.receiver == ReceiverRow.name, col(DeliveryRow.due_ms) <= self._clock()
        )
        query = query.order_by(col(DeliveryRow.receiver), col(DeliveryRow.due_ms), col(DeliveryRow.delivery_id))
        with self._database.reading() as session:
            return [(delivery, receiver) for delivery, receiver in session.exec(query.limit(BATCH_DELIVERIES))]

    def _send_all(self, pairs: Sequence[_Pair]) -> list[_Outcome]:
        outcomes: list[_Outcome] = []
        for delivery, receiver in pairs:
            error = self._send(receiver, delivery)[:_ERROR_CHARACTERS]
            outcomes.append(_Outcome(delivery.delivery_id, receiver.kind, error))
            if error:  # the others to this receiver would fail alike, and each costs a timeout
                break
        return outcomes

    def _send(self, receiver: ReceiverRow, delivery: DeliveryRow) -> str:
        try:
            return self._channels[receiver.kind].send(receiver, delivery)
        except Exception as error:  # whatever a channel stumbles over, the other receivers are told
            _logger.exception("delivery %s to %s failed", delivery.delivery_id, receiver.name)
            return f"{type(error).__name__}: {error}"

    def _settle(self, outcome: _Outcome) -> None:
        with self._database.session() as session:
            row = session.get(DeliveryRow, outcome.delivery_id)
            if row is None:  # its receiver was removed meanwhile
                return
            if not outcome.error:
                session.delete(row)
                self._ended.labels(outcome.kind, "sent").inc()
            else:
                self._put_off(session, row.receiver, outcome)

    def _put_off(self, session: Session, receiver: str, outcome: _Outcome) -> None:
        """Let all that is due for a receiver wait: else a dead one would fill every batch."""
        now_ms = self._clock()
        query = select(DeliveryRow).where(DeliveryRow.receiver == receiver, col(DeliveryRow.due_ms) <= now_ms)
        for row in session.exec(query).all():
            row.attempts += 1
            row.last_error = outcome.error
            wait_ms = retry_ms(row.attempts)
            self._ended.labels(outcome.kind, "given_up" if wait_ms is None else "put_off").inc()
            if wait_ms is None:
                _logger.warning("delivery %s to %s given up: %s", row.delivery_id, receiver, outcome.error)
                session.delete(row)
            else:
                row.due_ms = now_ms + wait_ms
