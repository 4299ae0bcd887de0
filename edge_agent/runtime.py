"""The agent's shell: its clock, its threads, its signals; it decides nothing.

Three threads. The *source* thread reads rows and scores them; the *mqtt* threads keep
the connection; the main thread takes what these put into its queue, and looks at the
timers. What may be lost with the process is on the disk first: the update machine's
journal, and reports in the outbox.
"""

import fcntl
import logging
import os
import queue
import signal
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
from edge_agent.errors import SourceError, StateError
from edge_agent.inference import InferenceLoop, Sink
from edge_agent.mqtt import Broker, BrokerLink
from edge_agent.outbox import Outbox
from edge_agent.renewal.messages import Checked, Failed
from edge_agent.renewal.process import Renewals
from edge_agent.reporting import Boot, Reporter
from edge_agent.settings import IDENTITY_FILE_NAME, Settings
from edge_agent.slots import BundleStore
from edge_agent.sources.source import Source
from edge_agent.status import read_rows_scored, write_status
from edge_agent.update.offer import read_offer
from edge_agent.update.performer import Outcome, UpdatePerformer

logger = logging.getLogger(__name__)

TICK_S: Final = 0.25
LONGEST_SOURCE_RETRY_S: Final = 60.0


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


class Agent:
    """One running agent.

    Args:
        settings: Its settings.
        state_dir: Its state folder.
        source: Where rows come from.
        sink: Where scores go, if anywhere.

    Raises:
        StateError: The folder cannot be used, or another agent uses it.
        ProfileError: The profile is unknown.
    """

    def __init__(self, settings: Settings, state_dir: Path, source: Source, sink: Sink | None) -> None:
        self._settings = settings
        self._state_dir = state_dir
        self._source = source
        self._lock = hold_lock(state_dir)
        self._queue: queue.SimpleQueue[_Arrived | _LinkUp | _LinkDown | Outcome | Checked | Failed] = (
            queue.SimpleQueue()
        )
        self._stopping = threading.Event()
        self._counters = Counters(time.monotonic)
        find_baseline = lru_cache(maxsize=4)(BundleStore(state_dir / "bundles").find_baseline)
        self._outbox = open_outbox(state_dir, settings, find_baseline, self._counters)
        self._reporter = Reporter(settings, Boot(os.urandom(8).hex(), clock_ms()), self._outbox, self._counters)
        self._inference = InferenceLoop(self._counters, self._reporter.keep, sink, clock_ms)
        self._inference.rows_scored = read_rows_scored(state_dir)
        self._updates = UpdatePerformer(
            settings, state_dir, self._inference, self._counters, time.monotonic, self._queue.put
        )
        self._renewals = Renewals(state_dir, self._counters, time.monotonic, self._queue.put)
        topics = (down(settings.device_id, "assignment"), down(settings.device_id, "ack"))
        self._link = BrokerLink(_broker(settings, state_dir), self._reporter.birth(is_online=False), topics, self)
        self._status_due_s = 0.0
        self._told_state = self._updates.state

    def run(self) -> None:
        """Run until SIGTERM or SIGINT."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._stopping.set())
        self._updates.start()
        threading.Thread(target=self._read_source, name="source", daemon=True).start()
        self._link.start()
        while not self._stopping.is_set():
            self._take_one()
            self._tick()
        self._end()

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
                self._counters.add("connection_losses", reason)
                self._outbox.forget_sent()

    def _take_message(self, topic: str, payload: bytes) -> None:
        if len(payload) > MAX_MESSAGE_BYTES:
            self._counters.add("messages_oversized", f"{topic}: {len(payload)} bytes")
            return
        try:
            if topic == down(self._settings.device_id, "assignment"):
                self._take_assignment(payload)
            else:
                self._outbox.acknowledge(decode(payload, Ack))
        except ContractError as error:
            self._counters.add("messages_malformed", f"{topic}: {error}")

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
        self._outbox.write_waiting()
        if self._source.is_live:
            self._inference.close_idle(round(self._settings.window_grace_s * 1000))
        if self._link.is_up:
            self._reporter.send_due(now_s, lambda topic, data: self._link.publish(topic, data, retain=False))
        if now_s >= self._status_due_s or self._updates.state != self._told_state:
            self._tell_status(now_s)

    def _tell_status(self, now_s: float) -> None:
        self._status_due_s = now_s + self._settings.heartbeat_s
        self._told_state = self._updates.state
        status = self._reporter.status(
            self._updates.state, self._updates.loaded, self._inference.rows_scored, clock_ms()
        )
        self._link.publish(up(self._settings.device_id, "status"), encode(status), retain=True)
        write_status(self._state_dir, status, is_connected=self._link.is_up)

    def _read_source(self) -> None:
        wait_s = 1.0
        while not self._stopping.is_set():
            if not self._source.is_live and not self._wait_for_model():
                return
            try:
                for record in self._source.read(self._stopping):
                    self._inference.score(record)
            except SourceError as error:
                self._counters.add("source_errors", error)
                if self._source.is_live:
                    self._stopping.wait(wait_s)
                    wait_s = min(2 * wait_s, LONGEST_SOURCE_RETRY_S)
                    continue
            break
        self._inference.close_all()
        logger.info("the source has ended after %d rows", self._inference.rows_scored)

    def _wait_for_model(self) -> bool:
        while not self._stopping.is_set():
            if self._inference.has_model.wait(TICK_S):
                return True
        return False

    def _end(self) -> None:
        """Spool the open windows, say goodbye."""
        logger.info("ending")
        self._updates.stop()
        self._inference.close_all()
        self._tell_status(time.monotonic())
        self._link.stop(self._reporter.birth(is_online=False))


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
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise StateError(f"another agent runs with {state_dir}") from None
    except OSError as error:
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
