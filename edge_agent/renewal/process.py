"""The agent's end of the renewing child process: when to start it, and what it answered."""

import random
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from edge_agent.counters import Counters
from edge_agent.renewal.messages import Answer, Checked, Failed

SHORTEST_WAIT_S: Final = 3600.0
"""A device whose clock is far ahead finds every certificate old: it asks once an hour, no more."""

LONGEST_WAIT_S: Final = 86_400.0
"""The clock may be set meanwhile."""

FIRST_RETRY_S: Final = 60.0
LONGEST_RETRY_S: Final = 6 * 3600.0
_CHILD_S: Final = 120.0


class Renewals:
    """Starts a child at once, then whenever a renewal is due; used from one thread.

    Args:
        state_dir: The state folder.
        counters: Failures are counted.
        clock_s: Monotonic seconds.
        deliver: Takes the child's answer from its thread to the thread that uses this object.
    """

    def __init__(
        self, state_dir: Path, counters: Counters, clock_s: Callable[[], float], deliver: Callable[[Answer], None]
    ) -> None:
        self._state_dir = state_dir
        self._counters = counters
        self._clock_s = clock_s
        self._deliver = deliver
        self._due_s = clock_s()
        self._failures = 0

    def tick(self) -> None:
        """Start the child if it is time."""
        if self._clock_s() >= self._due_s:
            self._due_s = float("inf")  # until it has answered
            threading.Thread(target=self._run, name="renewal", daemon=True).start()

    def answer(self, answer: Answer) -> bool:
        """Take the child's answer; tell whether there is a new certificate to connect with."""
        if isinstance(answer, Failed):
            self._counters.add("renewal_failures", answer.detail)
            wait_s = min(FIRST_RETRY_S * 2.0**self._failures, LONGEST_RETRY_S)
            self._failures += 1
            self._due_s = self._clock_s() + random.uniform(wait_s / 2, wait_s)  # noqa: S311  (jitter)
            return False
        self._failures = 0
        self._due_s = self._clock_s() + min(max(answer.due_in_s, SHORTEST_WAIT_S), LONGEST_WAIT_S)
        return answer.is_new

    def _run(self) -> None:
        # -P: a random.py in the folder where the application runs is not the module of that name.
        command = [sys.executable, "-P", "-m", "edge_agent.renewal", str(self._state_dir)]
        try:
            child = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=_CHILD_S, check=True)
            self._deliver(msgspec.json.decode(child.stdout, type=Checked | Failed))
        except (OSError, subprocess.SubprocessError, msgspec.DecodeError) as error:
            self._deliver(Failed(detail=str(error)))
