"""When a summary is due (pure): each day, or each Monday, at an hour of UTC."""

import datetime as dt
from typing import Literal

Every = Literal["day", "week"]

DAYS: dict[Every, int] = {"day": 1, "week": 7}
"""How many days a summary is about."""
_MONDAY = 0


def last_due_ms(every: Every, hour: int, now_ms: int) -> int:
    """Return the latest time, not after now, at which a summary is due.

    Args:
        every: How often.
        hour: Of the day, UTC, 0 to 23.
        now_ms: Unix milliseconds.
    """
    now = dt.datetime.fromtimestamp(now_ms / 1000, dt.UTC)
    due = now.replace(hour=hour, minute=0, second=0, microsecond=0)
    if due > now:
        due -= dt.timedelta(days=1)
    if every == "week":
        due -= dt.timedelta(days=(due.weekday() - _MONDAY) % 7)
    return int(due.timestamp() * 1000)


def is_due(every: Every, hour: int, last_ms: int, now_ms: int) -> bool:
    """Tell whether a summary is due that was sent last, or arranged, at a time.

    Those that a server missed while it was down are sent once, not one for each day.
    """
    return last_ms < last_due_ms(every, hour, now_ms)
