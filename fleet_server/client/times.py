"""Times as people write them, as the server takes them: Unix milliseconds."""

from datetime import UTC, datetime

from fleet_server.client.errors import ClientError

Time = datetime | str | int
"""A datetime, a text in ISO 8601 or Unix milliseconds; what names no zone is UTC."""


def as_ms(time: Time | None) -> int | None:
    """Return a time in Unix milliseconds.

    Raises:
        ClientError: It is no time.
    """
    if time is None or isinstance(time, int):
        return time
    try:
        moment = datetime.fromisoformat(time) if isinstance(time, str) else time
    except ValueError as error:
        raise ClientError(f"{time!r} is no time: write it as 2026-11-29 or 2026-11-29T08:00+01:00") from error
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return round(aware.timestamp() * 1000)
