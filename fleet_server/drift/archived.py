"""The changes of verdicts, for the archive."""

from collections.abc import Iterable, Mapping
from typing import Any

from sqlmodel import col, func, select

from fleet_server.archive.source import Source
from fleet_server.archive.verdicts import verdicts_source
from fleet_server.db import Database
from fleet_server.drift.tables import VerdictChangeRow


def verdict_changes(database: Database) -> Source:
    """Make the source of all changes of verdicts.

    Args:
        database: Where they are.
    """
    ordinal = col(VerdictChangeRow.ordinal)

    def last_ordinal() -> int:
        with database.reading() as session:
            return session.exec(select(func.max(VerdictChangeRow.ordinal))).one() or 0

    def changes(after: int, until: int) -> Iterable[Mapping[str, Any]]:
        query = select(VerdictChangeRow).where(ordinal > after, ordinal <= until).order_by(ordinal)
        with database.reading() as session:
            return [row.model_dump() for row in session.exec(query)]

    return verdicts_source(last_ordinal, changes)
