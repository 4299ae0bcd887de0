"""The clock: passed to whatever needs the time, so that tests and rules choose it."""

import time
from collections.abc import Callable

Clock = Callable[[], int]
"""Returns Unix time in milliseconds."""


def system_clock() -> int:
    """Return the present Unix time in milliseconds."""
    return time.time_ns() // 1_000_000
