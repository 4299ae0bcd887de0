"""The archiver: once an hour it writes what is new, each row once, whatever it is interrupted by.

It writes a range of ordinals in three steps: the database gets the end of the range, the files are
written and synced, the cursor moves. Killed in between, it writes the same range again, and the
files take the place of those that are there.
"""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from prometheus_client import CollectorRegistry, Counter

from fleet_server.archive.partitions import write_range
from fleet_server.archive.source import Source
from fleet_server.archive.tables import ArchiveCursorRow
from fleet_server.clock import Clock
from fleet_server.db import Database
from fleet_server.turns import each_in_turn

_logger = logging.getLogger(__name__)

EVERY_MS: Final = 3_600_000
RANGE_ORDINALS: Final = 20_000
"""In one file of a day and model, at most."""


class ArchiveService:
    """Writes the archive.

    Args:
        database: Where the cursors are.
        folder: Where the files go.
        sources: What is archived.
        clock: Gives the present.
        registry: Where the counter is registered.
        range_ordinals: The longest range that is written at a time.
    """

    def __init__(  # noqa: PLR0913  (each is a part of its surroundings)
        self,
        database: Database,
        folder: Path,
        sources: Sequence[Source],
        clock: Clock,
        *,
        registry: CollectorRegistry,
        range_ordinals: int = RANGE_ORDINALS,
    ) -> None:
        self._database = database
        self._folder = folder
        self._sources = {source.name: source for source in sources}
        self._clock = clock
        self._range_ordinals = range_ordinals
        self._rows = Counter("leeway_archived_rows", "Rows written to the archive.", ["source"], registry=registry)

    def archive_due(self) -> None:
        """Write what has come since the last hour, if that is over; a long backlog is written in several calls."""
        each_in_turn(self._sources.values(), self._archive_if_due)

    def _archive_if_due(self, source: Source) -> None:
        cursor = self._cursor(source.name)
        if cursor.writing is not None or self._clock() - cursor.caught_up_ms >= EVERY_MS:
            self.archive_next(source)

    def archive_next(self, source: Source) -> bool:
        """Write a source's next range.

        Returns:
            Whether more is left.
        """
        cursor = self._cursor(source.name)
        newest = source.last_ordinal()
        until = cursor.writing or min(newest, cursor.ordinal + self._range_ordinals)
        if until > cursor.ordinal:
            self._save(source, cursor.ordinal, writing=until)
            rows = write_range(self._folder, source, cursor.ordinal, until)
            self._rows.labels(source.name).inc(rows)
            _logger.info("archived %d rows of %s up to %d", rows, source.name, until)
        self._save(source, until, caught_up=until >= newest)
        return until < newest

    def archived_through(self, source: str) -> int:
        """Return the ordinal up to which a source is in the archive: what comes after must not be deleted."""
        return self._cursor(source).ordinal

    def _cursor(self, source: str) -> ArchiveCursorRow:
        with self._database.reading() as session:
            return session.get(ArchiveCursorRow, source) or ArchiveCursorRow(source=source)

    def _save(self, source: Source, ordinal: int, *, writing: int | None = None, caught_up: bool = False) -> None:
        with self._database.session() as session:
            row = session.get(ArchiveCursorRow, source.name) or ArchiveCursorRow(source=source.name)
            row.ordinal, row.writing = ordinal, writing
            if caught_up:
                row.caught_up_ms = self._clock()
            session.add(row)
