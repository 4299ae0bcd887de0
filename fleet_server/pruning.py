"""Forgetting what is old, some rows at a time: while SQLite writes for one, it writes for nobody else."""

from collections.abc import Callable, Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, delete
from sqlmodel import Session, select

from device_contract.baseline import DAY_MS
from fleet_server.clock import Clock

BATCH: Final = 500
"""Rows of one transaction."""
_BATCHES: Final = 100
"""Of each table in one step, lest the other rooms wait while a long pause is made up for."""
_EVERY_MS: Final = 3_600_000

Forget = Callable[[int], bool]
"""Deletes some of what is older than a time, Unix milliseconds; tells whether there may be more."""


class Pruning:
    """Keeps what is younger than some days.

    Args:
        clock: Gives the present.
        keep_days: How many.
        forget: What is to be done, one after the other.
    """

    def __init__(self, clock: Clock, keep_days: int, forget: Sequence[Forget]) -> None:
        self._clock = clock
        self._keep_ms = keep_days * DAY_MS
        self._forget = forget
        self._pruned_ms = 0

    def step(self) -> None:
        """Prune, once an hour; where there is much to prune, the next step goes on with it."""
        now_ms = self._clock()
        if 0 <= now_ms - self._pruned_ms < _EVERY_MS:
            return
        before_ms = now_ms - self._keep_ms
        some_left = [all(some(before_ms) for _ in range(_BATCHES)) for some in self._forget]
        if not any(some_left):
            self._pruned_ms = now_ms


def delete_some(session: Session, key: Any, *conditions: ColumnElement[bool]) -> bool:  # noqa: ANN401  (a table's column)
    """Delete up to ``BATCH`` rows.

    Args:
        session: The transaction.
        key: The column that is the table's key.
        *conditions: All of which a row has to meet.

    Returns:
        Whether there may be more.
    """
    chosen = select(key).where(*conditions).limit(BATCH)
    return session.connection().execute(delete(key.class_).where(key.in_(chosen))).rowcount == BATCH


def delete_oldest(session: Session, ordinal: Any, is_old: ColumnElement[bool]) -> bool:  # noqa: ANN401  (as above)
    """Delete up to ``BATCH`` rows of a table whose order is that of time: it needs no index of the times.

    Args:
        session: The transaction.
        ordinal: The column that is the table's key.
        is_old: What a row has to meet; those before it meet it too.

    Returns:
        Whether there may be more.
    """
    oldest = select(ordinal).order_by(ordinal).limit(BATCH)
    return session.connection().execute(delete(ordinal.class_).where(ordinal.in_(oldest), is_old)).rowcount == BATCH
