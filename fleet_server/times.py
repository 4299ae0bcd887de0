"""Times as options take them, and as the API does: Unix milliseconds."""

from datetime import UTC, datetime

import typer


def parse_time(text: str) -> datetime:
    """Read a time in ISO 8601; what names no zone is UTC.

    Raises:
        typer.BadParameter: It is none.
    """
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no time: write it as 2026-11-29 or 2026-11-29T08:00+01:00") from None
    return time if time.tzinfo is not None else time.replace(tzinfo=UTC)


def as_ms(time: datetime | None) -> int | None:
    """Return a time in Unix milliseconds."""
    return None if time is None else round(time.timestamp() * 1000)
