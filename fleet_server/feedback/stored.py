"""Labels in the database, by columns and in bulk: objects of the mapper would take most of the time."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Any, Final

from sqlalchemy import ColumnElement
from sqlmodel import Session, col, select

from fleet_server.db import upsert
from fleet_server.feedback.labels import Truth
from fleet_server.feedback.matching import Match, Window
from fleet_server.feedback.tables import LabelRow
from fleet_server.feedback.target import Target

_TRUTH: Final = tuple(field.name for field in fields(Truth))
_KEYS: Final = 1000
"""In one query: a batch of a device's messages may have more labels than a database takes parameters."""
_BESIDE: Final = ("window_start_ms", "window_end_ms", "received_ms", "corrections")


@dataclass(frozen=True)
class Subject:
    """A version of a model on a device: whose rows labels are about.

    Args:
        device_id: The device.
        model: The model.
        version: Its version.
        target: What it predicts.
        rows_scored: Rows that the device has scored, as far as is known; None to trust its labels.
    """

    device_id: str
    model: str
    version: str
    target: Target
    rows_scored: int | None = None

    def labels(self) -> list[ColumnElement[bool]]:
        """Select the subject's labels."""
        return [
            col(LabelRow.device_id) == self.device_id,
            col(LabelRow.model) == self.model,
            col(LabelRow.version) == self.version,
        ]


@dataclass(frozen=True)
class StoredLabel:
    """A label as it is stored, or is to be.

    Args:
        truth: What it says.
        window: That it is counted in; None if it waits.
        received_ms: When it was last given otherwise than before.
        corrections: How often it was.
    """

    truth: Truth
    window: Window | None
    received_ms: int
    corrections: int


def read_labels(
    session: Session, conditions: Iterable[ColumnElement[bool]], *, newest_rows: int | None = None
) -> list[StoredLabel]:
    """Read labels.

    Args:
        session: A transaction.
        conditions: All of which they meet.
        newest_rows: At most so many, those of the greatest row numbers.
    """
    columns = [col(getattr(LabelRow, name)) for name in (*_TRUTH, *_BESIDE)]
    query = select(*columns).where(*conditions)
    if newest_rows is not None:
        query = query.order_by(col(LabelRow.row).desc()).limit(newest_rows)
    return [_label(found) for found in session.exec(query)]


def read_keyed(session: Session, subject: Subject, keys: Sequence[str]) -> list[StoredLabel]:
    """Read those labels of a subject that have one of these keys."""
    parts = (keys[start : start + _KEYS] for start in range(0, len(keys), _KEYS))
    return [label for part in parts for label in read_labels(session, [*subject.labels(), col(LabelRow.key).in_(part)])]


def write_labels(session: Session, subject: Subject, labels: Sequence[tuple[StoredLabel, Match]]) -> None:
    """Write labels of a subject, each with its place, over what is stored of their rows."""
    upsert(session, LabelRow, [_values(subject, label, place) for label, place in labels])


def _label(found: Sequence[Any]) -> StoredLabel:
    start_ms, end_ms, received_ms, corrections = found[len(_TRUTH) :]
    window = None if start_ms is None else Window(start_ms, end_ms)
    return StoredLabel(Truth(*found[: len(_TRUTH)]), window, received_ms, corrections)


def _values(subject: Subject, label: StoredLabel, place: Match) -> dict[str, object]:
    start_ms, end_ms = place.window or (None, None)
    return {
        "device_id": subject.device_id,
        "model": subject.model,
        "version": subject.version,
        "key": place.truth.key,
        **vars(place.truth),
        "reason": place.reason,
        "window_start_ms": start_ms,
        "window_end_ms": end_ms,
        "received_ms": label.received_ms,
        "corrections": label.corrections,
    }
