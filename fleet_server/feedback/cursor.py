"""The room's place among the reports, and the order in which its windows change."""

from typing import Final

from sqlmodel import Session, select

from fleet_server.feedback.tables import FeedbackCursorRow, TruthWindowRow

CURSOR: Final = "reports"


def lock(session: Session) -> FeedbackCursorRow:
    """Wait for other writers of this room to commit; SQLite has one writer anyway."""
    return session.exec(select(FeedbackCursorRow).where(FeedbackCursorRow.name == CURSOR).with_for_update()).one()


def store_changed(session: Session, window: TruthWindowRow) -> None:
    """Store a window as the latest that has changed, in a locked transaction."""
    cursor = session.get_one(FeedbackCursorRow, CURSOR)
    cursor.changes += 1
    window.changed = cursor.changes
    session.add(window)
