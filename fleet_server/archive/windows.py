"""The windows as a source of the archive."""

import logging
from collections.abc import Iterator, Sequence
from typing import Final

import pyarrow as pa
from sqlmodel import col, func, select

from device_contract.errors import SketchError
from fleet_server.archive.source import Source
from fleet_server.db import Database
from fleet_server.errors import NotFoundError
from fleet_server.telemetry.frames import WINDOWS, windows_batch
from fleet_server.telemetry.history import DecodedWindow, decode
from fleet_server.telemetry.report_frames import REPORTS, reports_batch
from fleet_server.telemetry.service import TelemetryService
from fleet_server.telemetry.tables import WindowRow

_logger = logging.getLogger(__name__)

NAME: Final = "windows"
SCHEMAS: Final = {"windows": WINDOWS, "reports": REPORTS}
BATCH_WINDOWS: Final = 500


def windows_source(database: Database, telemetry: TelemetryService) -> Source:
    """Make the source of all stored windows: a table with a row for each stream, and one with a row for each window.

    Args:
        database: Where they are.
        telemetry: Decodes them.
    """

    def last_ordinal() -> int:
        with database.reading() as session:
            return session.exec(select(func.max(WindowRow.ordinal))).one() or 0

    def read(after: int, until: int) -> Iterator[tuple[str, pa.RecordBatch]]:
        while after < until:
            end = min(until, after + BATCH_WINDOWS)
            windows = list(_decoded(telemetry, _between(database, after, end)))
            yield "windows", windows_batch(windows)
            yield "reports", reports_batch(windows)
            after = end

    return Source(NAME, SCHEMAS, "window_start", last_ordinal, read)


def _between(database: Database, after: int, until: int) -> Sequence[WindowRow]:
    ordinal = col(WindowRow.ordinal)
    query = select(WindowRow).where(ordinal > after, ordinal <= until).order_by(ordinal)
    with database.reading() as session:
        return session.exec(query).all()


def _decoded(telemetry: TelemetryService, rows: Sequence[WindowRow]) -> Iterator[DecodedWindow]:
    for row in rows:
        try:
            yield decode(telemetry, row)
        except (NotFoundError, SketchError) as error:  # admitted once, so a fault of this server's data
            _logger.warning("report %s of %s is not archived: %s", row.sequence, row.device_id, error)
