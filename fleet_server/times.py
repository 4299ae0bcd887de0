"""Times as options take them, as the API takes them: Unix milliseconds."""

from datetime import UTC, datetime


def as_ms(time: datetime | None) -> int | None:
    """Return a time in Unix milliseconds; what names no zone is UTC."""
    if time is None:
        return None
    aware = time if time.tzinfo is not None else time.replace(tzinfo=UTC)
    return round(aware.timestamp() * 1000)
