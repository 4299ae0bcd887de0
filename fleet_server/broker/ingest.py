"""From MQTT to the database: batches, one transaction each, acknowledged after the commit.

::

    network thread -> bounded queue -> worker: decode -> handlers in one transaction
                                               -> commit -> publish -> MQTT acknowledgement

A message that cannot be read or that breaks its handler is counted, acknowledged and
dropped, so that it never comes back and never stands in the way. While the database
is away nothing is acknowledged and the worker waits: the queue fills, and the broker
is held back. A server that is killed loses nothing: what was not committed was not
acknowledged, neither to the broker nor to the device.
"""

import logging
import queue
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from prometheus_client import CollectorRegistry, Counter
from sqlmodel import Session

from device_contract.codec import decode
from device_contract.errors import MessageError, TopicError
from device_contract.feedback import Feedback
from device_contract.messages import Birth, Message, Report, Status
from device_contract.samples import Sample
from device_contract.topics import parse
from fleet_server.db import AWAY, Database

_logger = logging.getLogger(__name__)

BATCH_MESSAGES: Final = 500
BATCH_WINDOW_S: Final = 0.020
_QUEUE_MESSAGES: Final = 2 * BATCH_MESSAGES
_IDLE_S: Final = 0.2
_RETRY_S: Final = 1.0
_LOG_INTERVAL_S: Final = 60.0
_MESSAGE_TYPES: Final[Mapping[str, type[Birth | Status | Report | Sample | Feedback]]] = {
    "birth": Birth,
    "status": Status,
    "report": Report,
    "sample": Sample,
    "feedback": Feedback,
}


@dataclass(frozen=True)
class Delivery:
    """A message as it came from the broker.

    Args:
        topic: Its MQTT topic.
        payload: Its bytes.
        acknowledge: Tells the broker that the message is settled.
    """

    topic: str
    payload: bytes
    acknowledge: Callable[[], None]


@dataclass(frozen=True)
class Inbound:
    """A decoded message, from the device that its topic names."""

    device_id: str
    message: Message


@dataclass(frozen=True)
class Outbound:
    """A message to publish once the transaction that caused it has committed."""

    topic: str
    payload: bytes
    retain: bool = False


Handler = Callable[[Session, list[Inbound]], list[Outbound]]
"""Stores a batch of messages of one kind inside the caller's transaction.

It must be free of side effects outside the session: after an error it is called
again with each message by itself.
"""


@dataclass(frozen=True)
class _Decoded:
    kind: str
    inbound: Inbound
    acknowledge: Callable[[], None]


class _RefusedError(Exception):
    def __init__(self, kind: str, reason: str, device_id: str, detail: str) -> None:
        super().__init__(detail)
        self.kind, self.reason, self.device_id = kind, reason, device_id


class Ingest:
    """The worker between the broker's client and the rooms that store messages.

    Args:
        database: Where the handlers store.
        handlers: By kind of message; called in this order within a transaction.
        publish: Publishes what the handlers answer.
        is_active: Tells whether a device may still speak; a broker may let a revoked one through.
        registry: Where the counters are registered.
    """

    def __init__(
        self,
        database: Database,
        handlers: Mapping[str, Handler],
        *,
        publish: Callable[[Outbound], None],
        is_active: Callable[[str], bool],
        registry: CollectorRegistry,
    ) -> None:
        self._database = database
        self._handlers = handlers
        self._publish = publish
        self._is_active = is_active
        self._queue: queue.Queue[Delivery] = queue.Queue(_QUEUE_MESSAGES)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ingest", daemon=True)
        self._logged_at: dict[str, float] = {}
        self._stored = Counter("leeway_messages", "Messages stored, by kind.", ["kind"], registry=registry)
        self._refused = Counter(
            "leeway_messages_refused", "Messages dropped, by kind and reason.", ["kind", "reason"], registry=registry
        )

    def start(self) -> None:
        """Start the worker."""
        self._thread.start()

    def stop(self) -> None:
        """Finish the batch in hand and stop; the rest stays unacknowledged and comes again."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def offer(self, delivery: Delivery) -> None:
        """Take a message, waiting while the queue is full; a stopped worker drops it unacknowledged."""
        while not self._stopping.is_set():
            try:
                self._queue.put(delivery, timeout=_IDLE_S)
            except queue.Full:
                continue
            return

    def _run(self) -> None:
        while not self._stopping.is_set():
            batch = self._take()
            decoded = [message for delivery in batch if (message := self._decode(delivery)) is not None]
            if decoded:
                self._store(decoded)

    def _take(self) -> list[Delivery]:
        try:
            batch = [self._queue.get(timeout=_IDLE_S)]
        except queue.Empty:
            return []
        deadline = time.monotonic() + BATCH_WINDOW_S
        while len(batch) < BATCH_MESSAGES and (left := deadline - time.monotonic()) > 0:
            try:
                batch.append(self._queue.get(timeout=left))
            except queue.Empty:
                break
        return batch

    def _decode(self, delivery: Delivery) -> _Decoded | None:
        while not self._stopping.is_set():
            try:
                kind, inbound = _read(delivery, self._is_active)
            except AWAY as error:  # whether a device is active is asked of the database
                self._wait(1, error)
            except _RefusedError as refusal:
                self._refuse(refusal, delivery.acknowledge)
                return None
            else:
                return _Decoded(kind, inbound, delivery.acknowledge)
        return None

    def _wait(self, messages: int, error: Exception) -> None:
        _logger.warning("the database is away, %d messages wait: %s", messages, getattr(error, "orig", error))
        self._stopping.wait(_RETRY_S)

    def _store(self, messages: list[_Decoded]) -> None:
        while not self._stopping.is_set():
            try:
                outbound = self._commit(messages)
            except AWAY as error:
                self._wait(len(messages), error)
                continue
            except Exception as error:  # noqa: BLE001  (whatever a handler raises concerns one message)
                self._isolate(messages, error)
            else:
                self._settle(messages, outbound)
            return

    def _isolate(self, messages: list[_Decoded], error: Exception) -> None:
        if len(messages) > 1:
            for message in messages:
                self._store([message])
            return
        _logger.debug("the handler failed", exc_info=error)
        only = messages[0]
        self._refuse(_RefusedError(only.kind, "failed", only.inbound.device_id, repr(error)), only.acknowledge)

    def _commit(self, messages: list[_Decoded]) -> list[Outbound]:
        outbound: list[Outbound] = []
        with self._database.session() as session:
            for kind, handler in self._handlers.items():
                batch = [message.inbound for message in messages if message.kind == kind]
                if batch:
                    outbound += handler(session, batch)
        return outbound

    def _settle(self, messages: Iterable[_Decoded], outbound: Iterable[Outbound]) -> None:
        for message in outbound:
            self._publish(message)
        for settled in messages:
            self._stored.labels(settled.kind).inc()
            settled.acknowledge()

    def _refuse(self, refusal: _RefusedError, acknowledge: Callable[[], None]) -> None:
        self._refused.labels(refusal.kind, refusal.reason).inc()
        now = time.monotonic()
        if now - self._logged_at.get(refusal.device_id, -_LOG_INTERVAL_S) >= _LOG_INTERVAL_S:
            self._logged_at[refusal.device_id] = now
            _logger.warning("dropped a %s of device %s: %s", refusal.kind, refusal.device_id or "?", refusal)
        acknowledge()


def _read(delivery: Delivery, is_active: Callable[[str], bool]) -> tuple[str, Inbound]:
    try:
        topic = parse(delivery.topic)
    except TopicError as error:
        raise _RefusedError("unknown", "topic", "", str(error)) from error
    if topic.direction != "up":
        raise _RefusedError(topic.kind, "topic", topic.device_id, "not from a device")
    try:
        message = decode(delivery.payload, _MESSAGE_TYPES[topic.kind])
    except MessageError as error:
        raise _RefusedError(topic.kind, "malformed", topic.device_id, str(error)) from error
    if message.device_id != topic.device_id:
        raise _RefusedError(topic.kind, "wrong_device", topic.device_id, f"it names {message.device_id}")
    if not is_active(topic.device_id):
        raise _RefusedError(topic.kind, "inactive_device", topic.device_id, "unknown or revoked device")
    return topic.kind, Inbound(topic.device_id, message)
