"""Reading labels again: what is known of rows, what waits, what was refused."""

from collections.abc import Sequence
from operator import eq, ge, lt

from sqlalchemy import tuple_
from sqlmodel import col, select

from fleet_server.db import Database, bounds
from fleet_server.feedback.selection import Selection
from fleet_server.feedback.tables import LabelRefusalRow, LabelRow

LabelKey = tuple[str, str, str]
"""Device, version and key of a label, or model, device and reason of a refusal: the order of the lists."""


class Ledger:
    """The stored labels.

    Args:
        database: Where they are.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def labels(
        self, selection: Selection, *, reason: str | None, limit: int, after: LabelKey = ("", "", "")
    ) -> Sequence[LabelRow]:
        """Return labels in order of device, version and key.

        Args:
            selection: Which; its bounds of time are on the rows' own.
            reason: Those that wait for this reason; an empty text is those that count, None all.
            limit: Most labels.
            after: Those after this one.
        """
        place = col(LabelRow.device_id), col(LabelRow.version), col(LabelRow.key)
        chosen = bounds(
            (col(LabelRow.version), eq, selection.version),
            (col(LabelRow.device_id), eq, selection.device_id),
            (col(LabelRow.time_ms), ge, selection.since_ms),
            (col(LabelRow.time_ms), lt, selection.until_ms),
            (col(LabelRow.reason), eq, reason),
        )
        query = select(LabelRow).where(LabelRow.model == selection.model, tuple_(*place) > after, *chosen)
        with self._database.reading() as session:
            return session.exec(query.order_by(*place).limit(limit)).all()

    def refusals(
        self, *, model: str | None = None, device_id: str | None = None, limit: int, after: LabelKey = ("", "", "")
    ) -> Sequence[LabelRefusalRow]:
        """Return what was refused, of a model or device, in order of model, device and reason."""
        place = col(LabelRefusalRow.model), col(LabelRefusalRow.device_id), col(LabelRefusalRow.reason)
        chosen = bounds((col(LabelRefusalRow.model), eq, model), (col(LabelRefusalRow.device_id), eq, device_id))
        query = select(LabelRefusalRow).where(tuple_(*place) > after, *chosen)
        with self._database.reading() as session:
            return session.exec(query.order_by(*place).limit(limit)).all()
