"""A model's stored windows over many devices, in the order of event time."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from sqlalchemy import ColumnElement, tuple_
from sqlalchemy.orm import Mapped
from sqlalchemy.sql.operators import eq, ge, gt, in_op, lt
from sqlmodel import col, select
from sqlmodel.sql.expression import SelectOfScalar

from device_contract.baseline import Baseline
from device_contract.sketches import WindowSummary
from fleet_server.bundles.service import BundleService
from fleet_server.db import Database, bounds
from fleet_server.errors import NotFoundError
from fleet_server.telemetry.service import TelemetryService
from fleet_server.telemetry.tables import WindowRow

BATCH_WINDOWS: Final = 500
"""Read in one transaction, decoded and sent before the next are read."""

Place = tuple[int, int]
"""Where a reader is: a window's start (Unix milliseconds) and its ordinal."""


@dataclass(frozen=True)
class Selection:
    """Which of a model's windows.

    Attributes:
        model: The model.
        device_ids: Of these devices; empty means all.
        version: Of this version; None means all.
        since_ms: From this start on, Unix milliseconds.
        until_ms: Before this start.
    """

    model: str
    device_ids: tuple[str, ...] = ()
    version: str | None = None
    since_ms: int | None = None
    until_ms: int | None = None

    def conditions(
        self,
        table: Any,  # noqa: ANN401  (any table of windows)
        start: Mapped[int],
        after: Place | None,
    ) -> list[ColumnElement[bool]]:
        """Return what a table's rows have to meet.

        Args:
            table: The class of rows with a model, a device's id, a version and an ordinal.
            start: Its column of the windows' starts.
            after: Where the rows begin: behind this place.
        """
        return bounds(
            (table.model, eq, self.model),
            (table.device_id, in_op, self.device_ids or None),
            (table.version, eq, self.version),
            (start, ge, self.since_ms),
            (start, lt, self.until_ms),
            (tuple_(start, table.ordinal), gt, after),
        )

    def order(self, start: Mapped[int], ordinal: Mapped[Any]) -> tuple[ColumnElement[int], Mapped[Any]]:
        """Return the order of the windows, by start and then by ordinal.

        Told the column alone, a database would look for a few devices' windows in those of all, which an
        index has in this order.
        """
        return (start + 0 if self.device_ids else cast("ColumnElement[int]", start)), ordinal


@dataclass(frozen=True)
class DecodedWindow:
    """A stored report with its statistics and what they are to be compared with."""

    row: WindowRow
    baseline: Baseline
    summary: WindowSummary


class WindowHistory:
    """Reads windows.

    Args:
        database: Where they are.
        telemetry: Decodes them.
        bundles: Knows the models and their streams.
    """

    def __init__(self, database: Database, telemetry: TelemetryService, bundles: BundleService) -> None:
        self._database = database
        self._telemetry = telemetry
        self._bundles = bundles

    def check(self, selection: Selection, streams: Sequence[str] = ()) -> None:
        """See that what is asked for can exist: a wrong name shall not look like an empty history.

        Raises:
            NotFoundError: No such model, version or stream.
        """
        self._bundles.check(selection.model, selection.version)
        unknown = set(streams) - self._bundles.streams(selection.model) if streams else set()
        if unknown:
            raise NotFoundError(f"model {selection.model!r} has no stream {min(unknown)[:80]!r}")

    def page(self, selection: Selection, *, limit: int, after: Place | None = None) -> list[DecodedWindow]:
        """Return the next windows, by start and then by arrival.

        Raises:
            NotFoundError: A baseline is no longer known.
        """
        with self._database.reading() as session:
            rows = session.exec(_query(selection, after).limit(limit)).all()
        return [decode(self._telemetry, row) for row in rows]

    def walk(self, selection: Selection) -> Iterator[list[DecodedWindow]]:
        """Read all windows, some at a time; each batch is a transaction of its own."""
        found = self.page(selection, limit=BATCH_WINDOWS)
        while found:
            yield found
            found = self.page(selection, limit=BATCH_WINDOWS, after=place_of(found[-1].row))


def decode(telemetry: TelemetryService, row: WindowRow) -> DecodedWindow:
    """Decode a stored report.

    Raises:
        NotFoundError: Its baseline is no longer known.
    """
    return DecodedWindow(row, telemetry.baseline(row), telemetry.summary(row))


def place_of(row: WindowRow) -> Place:
    """Return where a reader is after a window."""
    return row.window_start_ms, row.ordinal


def _query(selection: Selection, after: Place | None) -> SelectOfScalar[WindowRow]:
    start = col(WindowRow.window_start_ms)
    query = select(WindowRow).where(*selection.conditions(WindowRow, start, after))
    return query.order_by(*selection.order(start, col(WindowRow.ordinal)))
