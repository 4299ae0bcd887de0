"""Forgets windows and their labels after some days, and counts the labels that never came to count.

Age is that of arrival, as for reports: a device may replay the rows of another year.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, Final

from sqlalchemy import bindparam, delete
from sqlmodel import Session, SQLModel, col, select

from fleet_server.clock import Clock
from fleet_server.db import Database
from fleet_server.feedback.cursor import lock
from fleet_server.feedback.refusals import Refusal
from fleet_server.feedback.service import FeedbackService
from fleet_server.feedback.tables import WAITING, ForgottenRow, LabelRow, TruthWindowRow
from fleet_server.pruning import BATCH, Pruning

_SUBJECT: Final = ("device_id", "model", "version")
_WINDOW: Final[list[Any]] = [getattr(TruthWindowRow, name) for name in (*_SUBJECT, "start_ms", "end_ms")]
_WINDOW_OF: Final[list[Any]] = [getattr(LabelRow, name) for name in (*_SUBJECT, "window_start_ms", "window_end_ms")]
_LABEL: Final[list[Any]] = [getattr(LabelRow, name) for name in (*_SUBJECT, "key")]


class FeedbackRetention:
    """Keeps what came within some days.

    Args:
        database: Where it is.
        feedback: Counts what is refused.
        clock: Gives the present.
        keep_days: How long windows stay, with their labels, and labels that wait.
    """

    def __init__(self, database: Database, feedback: FeedbackService, clock: Clock, *, keep_days: int) -> None:
        self._database = database
        self._feedback = feedback
        self._pruning = Pruning(clock, keep_days, [self._forget_windows, self._forget_waiting])

    def step(self) -> None:
        """Prune, once an hour."""
        self._pruning.step()

    def _forget_windows(self, before_ms: int) -> bool:
        with self._database.session() as session:
            lock(session)
            old = select(*_WINDOW).where(col(TruthWindowRow.received_ms) < before_ms)
            windows = [tuple(window) for window in session.exec(old.limit(BATCH))]
            if windows:
                _note_forgotten(session, windows)
                _delete(session, LabelRow, _WINDOW_OF, windows)
                _delete(session, TruthWindowRow, _WINDOW, windows)
        return len(windows) == BATCH

    def _forget_waiting(self, before_ms: int) -> bool:
        with self._database.session() as session:
            lock(session)
            old = select(*[*_LABEL, LabelRow.reason]).where(WAITING, col(LabelRow.received_ms) < before_ms)
            labels = [tuple(label) for label in session.exec(old.limit(BATCH))]
            refusals: dict[str, list[Refusal]] = defaultdict(list)
            for device_id, model, version, key, reason in labels:
                refusals[model].append(Refusal(device_id, "waited_too_long", f"{reason}: {key} of {version}"))
            for model, theirs in refusals.items():
                self._feedback.refuse(session, model, theirs)
            if labels:
                _delete(session, LabelRow, _LABEL, [label[:-1] for label in labels])
        return len(labels) == BATCH


def _delete(session: Session, table: type[SQLModel], columns: Sequence[Any], rows: Sequence[tuple[Any, ...]]) -> None:
    """Delete rows one by one: SQLite would read the whole table for a list of keys of several columns."""
    statement = delete(table).where(*(column == bindparam(f"of_{column.key}") for column in columns))
    names = [f"of_{column.key}" for column in columns]
    session.connection().execute(statement, [dict(zip(names, row, strict=True)) for row in rows])


def _note_forgotten(session: Session, windows: Iterable[tuple[Any, ...]]) -> None:
    ends: dict[tuple[str, ...], int] = {}
    for *named, _, end_ms in windows:
        ends[tuple(named)] = max(end_ms, ends.get(tuple(named), 0))
    for subject, end_ms in ends.items():
        device_id, model, version = subject
        row = session.get(ForgottenRow, subject) or ForgottenRow(device_id=device_id, model=model, version=version)
        row.through_ms = max(row.through_ms, end_ms)
        session.add(row)
