"""Writing and reading the audit log."""

from typing import Any

from sqlmodel import Session

from fleet_server.audit.tables import AuditRow
from fleet_server.clock import Clock
from fleet_server.db import Database, newest_first


class AuditService:
    """The append-only log of changes."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def record(self, session: Session, actor: str, action: str, subject: str, **detail: Any) -> None:  # noqa: ANN401  (JSON)
        """Add a line in the transaction of the change itself, so that neither is without the other.

        Args:
            session: The transaction of the change.
            actor: A token's name, ``device:<id>`` or ``server``.
            action: Noun and verb, such as ``device.revoke``.
            subject: Id of what was changed.
            **detail: What a reader needs to understand the change; JSON values.
        """
        session.add(AuditRow(time_ms=self._clock(), actor=actor, action=action, subject=subject, detail=detail))

    def list(
        self, *, limit: int, before: int | None = None, action: str | None = None, subject: str | None = None
    ) -> list[AuditRow]:
        """Return the newest lines, older than ``before`` if given, newest first."""
        query = newest_first(AuditRow, "ordinal", limit=limit, before=before, action=action, subject=subject)
        with self._database.reading() as session:
            return list(session.exec(query))
