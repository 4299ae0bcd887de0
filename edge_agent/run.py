"""``leeway-agent run``: the agent as a process of its own, fed by a source of rows."""

import logging
import signal
import threading
from pathlib import Path
from typing import Final

from edge_agent.errors import SourceError
from edge_agent.feedback import Truth
from edge_agent.lines import Observed
from edge_agent.rows import Record
from edge_agent.runtime import TICK_S, Runtime
from edge_agent.settings import Settings
from edge_agent.sinks.sink import Sink
from edge_agent.sources.source import BadRow, Source

logger = logging.getLogger(__name__)

LONGEST_RETRY_S: Final = 60.0


def run(settings: Settings, state_dir: Path, source: Source, sink: Sink | None) -> None:
    """Run until SIGTERM or SIGINT.

    Args:
        settings: The agent's settings.
        state_dir: Its state folder.
        source: Where rows come from.
        sink: Where scores go, if anywhere.

    Raises:
        StateError: The folder cannot be used, or another agent uses it.
        ProfileError: The profile is unknown.
    """
    runtime = Runtime(settings, state_dir, sink, is_live=source.is_live)
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    feed = _Feed(source, runtime, stopping)
    threading.Thread(target=feed.read, name="source", daemon=True).start()
    runtime.run(stopping)


class _Feed:
    """Reads a source until it ends; a live one that breaks off is opened again."""

    def __init__(self, source: Source, runtime: Runtime, stopping: threading.Event) -> None:
        self._source = source
        self._runtime = runtime
        self._inference = runtime.inference
        self._counters = runtime.counters
        self._stopping = stopping

    def read(self) -> None:
        wait_s = 1.0
        while not self._stopping.is_set():
            if not self._source.is_live and not self._wait_for_model():
                return
            try:
                self._read_on()
            except Exception as error:  # noqa: BLE001  (a package's source may raise anything; the agent goes on)
                is_told = isinstance(error, SourceError)
                self._counters.add("source_errors", error if is_told else f"{type(error).__name__}: {error}")
                if self._source.is_live:
                    self._stopping.wait(wait_s)
                    wait_s = min(2 * wait_s, LONGEST_RETRY_S)
                    continue
            break
        self._inference.close_all()
        logger.info("the source has ended after %d rows", self._inference.rows_scored)

    def _read_on(self) -> None:
        for item in self._source.read(self._stopping):
            match item:
                case Record():
                    self._inference.score(item)
                case Truth():
                    self._runtime.label(item)
                case Observed(metrics):
                    for name, value in metrics.items():
                        self._inference.gauges.observe(name, value)
                case BadRow():
                    self._inference.refuse(item)

    def _wait_for_model(self) -> bool:
        while not self._stopping.is_set():
            if self._inference.has_model.wait(TICK_S):
                return True
        return False
