"""Turns of the threads that write to SQLite, which has one writer at a time.

SQLite lets those that wait try again and again, and whoever tries at the right moment comes first:
one thread with many short transactions can keep all others out until they give up. Here each has its
turn in the order in which it came.
"""

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager


class WriteTurns:
    """A lock that threads get in the order in which they ask for it.

    Args:
        most_s: Seconds that one waits at most; it goes on without the lock then, and SQLite decides.
    """

    def __init__(self, most_s: float) -> None:
        self._most_s = most_s
        self._guard = threading.Lock()
        self._waiting: deque[threading.Event] = deque()
        self._is_taken = False

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for the turn, and give it on at the end."""
        is_held = self._wait()
        try:
            yield
        finally:
            if is_held:
                self._give_on()

    def _wait(self) -> bool:
        mine = threading.Event()
        with self._guard:
            if not self._is_taken:
                self._is_taken = True
                return True
            self._waiting.append(mine)
        mine.wait(self._most_s)
        with self._guard:
            if not mine.is_set():
                self._waiting.remove(mine)
            return mine.is_set()

    def _give_on(self) -> None:
        with self._guard:
            if self._waiting:
                self._waiting.popleft().set()
            else:
                self._is_taken = False
