"""The agent's shell: its clock and its threads; it decides nothing.

Whoever has rows scores them from threads of their own: the application that opened an
``edge_agent.Agent``, or the thread that reads a source (``edge_agent.run``). The *mqtt*
threads keep the connection; the thread in ``Runtime.run`` takes what these put into its
queue, and looks at the timers. What may be lost with the process is on the disk first:
the update machine's journal, and reports in the outbox.
"""

import fcntl
import logging
import os
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

from device_contract.baseline import Baseline
from device_contract.codec import MAX_MESSAGE_BYTES, decode, encode
from device_contract.errors import ContractError
from device_contract.messages import Ack, AssignmentMessage
from device_contract.topics import down, up
from edge_agent.counters import Counters
from edge_agent.errors import StateError
from edge_agent.feedback import Feedback, Truth
from edge_agent.inference import InferenceLoop
from edge_agent.mqtt import Broker, BrokerLink
from edge_agent.outbox import Outbox
from edge_agent.predictions import Predictions
from edge_agent.renewal.messages import Checked, Failed
from edge_agent.renewal.process import Renewals
from edge_agent.reporting import Boot, Reporter
from edge_agent.settings import IDENTITY_FILE_NAME, Settings
from edge_agent.sinks.sink import Sink
from edge_agent.slots import BundleStore
from edge_agent.status import write_status
from edge_agent.update.offer import read_offer
from edge_agent.update.performer import Outcome, UpdatePerformer

logger = logging.getLogger(__name__)

TICK_S: Final = 0.25


@dataclass(frozen=True)
class _Arrived:
    topic: str
    payload: bytes


@dataclass(frozen=True)
class _LinkUp:
    pass


@dataclass(frozen=True)
class _LinkDown:
    reason: str


class Runtime:
    """All of an agent but the rows.

    Args:
        settings: Its settings.
        state_dir: Its state folder.
        sink: Where scores go, if anywhere.
        is_live: Whether rows come as they are measured: then windows close by the clock, too.

    Attributes:
        inference: Scores rows, from any thread.
        counters: What goes wrong.

    Raises:
        StateError: The folder cannot be used, or another agent uses it.
        ProfileError: The profile is unknown.
    """

    def __init__(self, settings: Settings, state_dir: Path, sink: Sink | None = None, *, is_live: bool = True) -> None:
        self._settings = settings
        self._state_dir = state_dir
        self._is_live = is_live
        self._lock = hold_lock(state_dir)
        try:
            self._open(settings, state_dir, sink)
        except BaseException:
            os.close(self._lock)  # so that this process may try again
            raise

    def _open(self, settings: Settings, state_dir: Path, sink: Sink | None) -> None:
        self._queue: queue.SimpleQueue[_Arrived | _LinkUp | _LinkDown | Outcome | Checked | Failed] = (
            queue.SimpleQueue()
        )
        self.counters = Counters(time.monotonic)
        find_baseline = lru_cache(maxsize=4)(BundleStore(state_dir / "bundles").find_baseline)
        self._outbox = open_outbox(state_dir, settings, find_baseline, self.counters)
        self._reporter = Reporter(settings, Boot(os.urandom(8).hex(), clock_ms()), self._outbox, self.counters)
        self._predictions = open_predictions(state_dir, settings, self.counters)
        self.inference = InferenceLoop(self.counters, self._reporter, sink, clock_ms, self._predictions)
        self._feedback = Feedback(
            self._predictions, lambda: self.inference.version, self._reporter.keep_labels, self.counters
        )
        self._updates = UpdatePerformer(
            settings, state_dir, self.inference, self.counters, time.monotonic, self._queue.put
        )
        self._renewals = Renewals(state_dir, self.counters, time.monotonic, self._queue.put)
        topics = (down(settings.device_id, "assignment"), down(settings.device_id, "ack"))
        self._link = BrokerLink(_broker(settings, state_dir), self._reporter.birth(is_online=False), topics, self)
        self._status_due_s = 0.0
        self._told_state = self._updates.state

    def run(self, stopping: threading.Event) -> None:
        """Connect, update and report, until told to stop; then spool the open windows and say goodbye."""
        self._updates.start()
        self._link.start()
        while not stopping.is_set():
            self._take_one()
            self._tick()
        self._end()

    def label(self, truth: Truth) -> bool:
        """Take what a row turned out to be, from any thread; False, and counted, if it can be none."""
        return self._feedback.add(truth, time.monotonic())

    def link_up(self) -> None:
        """Called by the link."""
        self._queue.put(_LinkUp())

    def link_down(self, reason: str) -> None:
        """Called by the link."""
        self._queue.put(_LinkDown(reason))

    def message(self, topic: str, payload: bytes) -> None:
        """Called by the link."""
        self._queue.put(_Arrived(topic, payload))

    def _take_one(self) -> None:
        try:
            item = self._queue.get(timeout=TICK_S)
        except queue.Empty:
            return
        match item:
            case _Arrived(topic, payload):
                self._take_message(topic, payload)
            case Outcome():
                self._updates.outcome(item)
            case Checked() | Failed():
                if self._renewals.answer(item):
                    self._link.renew()
            case _LinkUp():
                self._greet()
            case _LinkDown(reason):
                self.counters.add("connection_losses", reason)
                self._outbox.forget_sent()

    def _take_message(self, topic: str, payload: bytes) -> None:
        if len(payload) > MAX_MESSAGE_BYTES:
            self.counters.add("messages_oversized", f"{topic}: {len(payload)} bytes")
            return
        try:
            if topic == down(self._settings.device_id, "assignment"):
                self._take_assignment(payload)
            else:
                self._outbox.acknowledge(decode(payload, Ack))
        except ContractError as error:
            self.counters.add("messages_malformed", f"{topic}: {error}")

    def _take_assignment(self, payload: bytes) -> None:
        if payload:  # An empty retained message is how a broker forgets one.
            self._updates.offer(read_offer(decode(payload, AssignmentMessage)))

    def _greet(self) -> None:
        birth = self._reporter.birth(is_online=True)
        self._link.publish(birth.topic, birth.payload, retain=True)
        self._outbox.forget_sent()
        self._status_due_s = 0.0

    def _tick(self) -> None:
        now_s = time.monotonic()
        self._updates.tick()
        self._renewals.tick()
        self._feedback.flush(now_s)
        self._outbox.write_waiting()
        if self._is_live:
            self.inference.close_idle(round(self._settings.window_grace_s * 1000))
        if self._link.is_up:
            self._reporter.send_due(now_s, lambda topic, data: self._link.publish(topic, data, retain=False))
        if now_s >= self._status_due_s or self._updates.state != self._told_state:
            self._tell_status(now_s)

    def _tell_status(self, now_s: float) -> None:
        self._status_due_s = now_s + self._settings.heartbeat_s
        self._told_state = self._updates.state
        status = self._reporter.status(
            self._updates.state, self._updates.loaded, self.inference.rows_scored, clock_ms()
        )
        self._link.publish(up(self._settings.device_id, "status"), encode(status), retain=True)
        write_status(self._state_dir, status, is_connected=self._link.is_up)

    def _end(self) -> None:
        """Spool the open windows, say goodbye."""
        logger.info("ending")
        self._updates.stop()
        self.inference.use(())  # Rows that still come are no one's, and get no number.
        self._feedback.flush()
        self._tell_status(time.monotonic())
        self._link.stop(self._reporter.birth(is_online=False))
        self._predictions.numbers.close()
        os.close(self._lock)


def clock_ms() -> int:
    """Return the time, Unix milliseconds."""
    return time.time_ns() // 1_000_000


def hold_lock(state_dir: Path) -> int:
    """Make this process the only agent of a state folder; the lock ends with the process.

    Raises:
        StateError: Another agent holds it, or the folder cannot be written.
    """
    try:
        descriptor = os.open(state_dir / "agent.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StateError(f"cannot use {state_dir}: {error.strerror}") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        if isinstance(error, BlockingIOError):
            raise StateError(f"another agent runs with {state_dir}") from None
        raise StateError(f"cannot use {state_dir}: {error.strerror}") from error
    return descriptor


def open_outbox(
    state_dir: Path, settings: Settings, find_baseline: Callable[[str], Baseline | None], counters: Counters
) -> Outbox:
    """Open the outbox of a state folder.

    Raises:
        StateError: It cannot be read.
    """
    try:
        return Outbox(state_dir / "outbox", settings.outbox_max_bytes, find_baseline, counters)
    except OSError as error:
        raise StateError(f"cannot use {state_dir / 'outbox'}: {error.strerror}") from error


def open_predictions(state_dir: Path, settings: Settings, counters: Counters) -> Predictions:
    """Open the numbers and the predictions of a state folder.

    Raises:
        StateError: They cannot be kept there.
    """
    try:
        return Predictions(state_dir, settings.predictions_kept, counters)
    except OSError as error:
        raise StateError(f"cannot number rows in {state_dir}: {error.strerror}") from error


def _broker(settings: Settings, state_dir: Path) -> Broker:
    return Broker(
        host=settings.mqtt_host,
        port=settings.mqtt_port,
        device_id=settings.device_id,
        ca_file=state_dir / "ca.crt",
        identity_file=state_dir / IDENTITY_FILE_NAME,
        keepalive_s=settings.keepalive_s,
        reconnect_max_s=settings.reconnect_max_s,
    )
