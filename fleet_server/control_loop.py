"""The control loop: one thread that lets each room take a step, again and again."""

import logging
import threading
from collections.abc import Callable, Mapping

from prometheus_client import Counter

from fleet_server.db import is_away

_logger = logging.getLogger(__name__)

Step = Callable[[], object]


class ControlLoop:
    """Runs the steps in order, every ``tick_s`` seconds, whatever one of them does.

    Args:
        steps: What to run, by the name that the log and the counter use.
        tick_s: Seconds from the end of a round to the start of the next.
        failures: Counts the steps that failed; has the label ``step``.
    """

    def __init__(self, steps: Mapping[str, Step], *, tick_s: float, failures: Counter) -> None:
        self._steps = dict(steps)
        self._tick_s = tick_s
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="-".join(self._steps), daemon=True)
        self._failing: set[str] = set()
        self._failures = failures

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Finish the round in hand and stop."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def run_round(self) -> None:
        """Run each step once."""
        for name, step in self._steps.items():
            if self._stopping.is_set():
                return
            self._run_step(name, step)

    def _run(self) -> None:
        while not self._stopping.wait(self._tick_s):
            self.run_round()

    def _run_step(self, name: str, step: Step) -> None:
        try:
            step()
        except Exception as error:  # noqa: BLE001  (one room's fault must not stop the others)
            self._failures.labels(name).inc()
            if name not in self._failing:  # once for each series of failures, not each second
                _log(name, error)
            self._failing.add(name)
        else:
            if name in self._failing:
                _logger.info("step %s works again", name)
            self._failing.discard(name)


def _log(name: str, error: Exception) -> None:
    if is_away(error):  # which part of the step met it says nothing
        _logger.warning("step %s waits for the database, and will be tried again: %s", name, _reason(error))
    else:
        _logger.error("step %s fails; it will be tried again", name, exc_info=error)


def _reason(error: Exception) -> object:
    return _reason(error.exceptions[0]) if isinstance(error, ExceptionGroup) else getattr(error, "orig", error)
