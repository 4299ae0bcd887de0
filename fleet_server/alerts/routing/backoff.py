"""When a delivery that failed is tried again (pure)."""

FIRST_RETRY_MS = 5_000
LONGEST_RETRY_MS = 3_600_000
ATTEMPTS = 12
"""With these delays an address may be away for some four hours before a delivery is given up."""


def retry_ms(attempts: int) -> int | None:
    """Return how long to wait after so many failed attempts, in milliseconds; ``None`` to give up."""
    if attempts >= ATTEMPTS:
        return None
    return min(FIRST_RETRY_MS << (attempts - 1), LONGEST_RETRY_MS)
