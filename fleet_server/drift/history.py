"""A model's judged windows over many devices, and its fleet's chart, in the order of event time."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy import tuple_
from sqlalchemy.sql.operators import eq, ge, gt, lt
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from fleet_server.db import Database, bounds
from fleet_server.devices.tables import DeviceLabelRow
from fleet_server.drift.fleet_frames import FleetFrame, decode_fleet
from fleet_server.drift.frames import Json, fleet_rows, stream_rows
from fleet_server.drift.judged import decode_judged
from fleet_server.drift.tables import FleetWindowRow, JudgedWindowRow
from fleet_server.telemetry.history import Place, Selection

FleetPlace = tuple[int, int, str]
"""Start, end and reference of a window of the fleet."""
BATCH_WINDOWS: Final = 500
"""Read in one transaction, decoded and sent before the next are read."""


@dataclass(frozen=True)
class JudgedWindow:
    """A device's judged window, with a row for each of the streams that were asked for."""

    row: JudgedWindowRow
    streams: list[Json]


@dataclass(frozen=True)
class JudgedFleet:
    """A window of the devices that share a reference, with a row for each group and chart."""

    row: FleetWindowRow
    charts: list[Json]

    @property
    def place(self) -> FleetPlace:
        """Where it is in the list."""
        return self.row.start_ms, self.row.end_ms, self.row.reference


class DriftHistory:
    """Reads judged windows.

    Args:
        database: Where they are.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def page(
        self,
        selection: Selection,
        labels: Mapping[str, str],
        streams: Collection[str],
        *,
        limit: int,
        after: Place | None = None,
    ) -> list[JudgedWindow]:
        """Return the next judged windows, by start and then in the order in which they were judged.

        Args:
            selection: Which windows.
            labels: Of devices that carry all of these.
            streams: These features and outputs alone; empty means all.
            limit: Most windows.
            after: Where the page before ended.
        """
        with self._database.reading() as session:
            rows = session.exec(_judged_query(selection, labels, after).limit(limit)).all()
            frames = frames_of(session, rows)
        found = [JudgedWindow(row, list(stream_rows(row, frames[row.start_ms, row.end_ms]))) for row in rows]
        if not streams:
            return found
        return [JudgedWindow(one.row, [told for told in one.streams if told["stream"] in streams]) for one in found]

    def walk(
        self, selection: Selection, labels: Mapping[str, str], streams: Collection[str]
    ) -> Iterator[list[JudgedWindow]]:
        """Read all judged windows, some at a time; the arguments are those of ``page``."""
        found = self.page(selection, labels, streams, limit=BATCH_WINDOWS)
        while found:
            yield found
            last = found[-1].row
            found = self.page(selection, labels, streams, limit=BATCH_WINDOWS, after=(last.start_ms, last.ordinal or 0))

    def fleet_page(self, selection: Selection, *, limit: int, after: FleetPlace | None = None) -> list[JudgedFleet]:
        """Return the next windows of the fleet, by start, end and reference.

        Args:
            selection: Of a model, and of which time.
            limit: Most windows.
            after: Where the page before ended.
        """
        with self._database.reading() as session:
            rows = session.exec(_fleet_query(selection, after).limit(limit)).all()
        return [JudgedFleet(row, list(fleet_rows(row, decode_fleet(row.data)))) for row in rows]

    def walk_fleet(self, selection: Selection) -> Iterator[list[JudgedFleet]]:
        """Read all windows of the fleet, some at a time."""
        found = self.fleet_page(selection, limit=BATCH_WINDOWS)
        while found:
            yield found
            found = self.fleet_page(selection, limit=BATCH_WINDOWS, after=found[-1].place)


def frames_of(session: Session, rows: Iterable[JudgedWindowRow]) -> dict[tuple[int, int], dict[str, FleetFrame]]:
    """Return the fleet's frames of judged windows of one model: by start and end, by reference."""
    frames: dict[tuple[int, int], dict[str, FleetFrame]] = {}
    for row in rows:
        known = frames.setdefault((row.start_ms, row.end_ms), {})
        for half in decode_judged(row.data):
            if half.reference not in known:
                fleet = session.get(FleetWindowRow, (row.model, half.reference, row.start_ms, row.end_ms))
                if fleet is not None:
                    known[half.reference] = decode_fleet(fleet.data)
    return frames


def _judged_query(
    selection: Selection, labels: Mapping[str, str], after: Place | None
) -> SelectOfScalar[JudgedWindowRow]:
    start, ordinal = col(JudgedWindowRow.start_ms), col(JudgedWindowRow.ordinal)
    query = select(JudgedWindowRow).where(*selection.conditions(JudgedWindowRow, start, after))
    for key, value in labels.items():
        carriers = select(DeviceLabelRow.device_id).where(DeviceLabelRow.key == key, DeviceLabelRow.value == value)
        query = query.where(col(JudgedWindowRow.device_id).in_(carriers))
    return query.order_by(*selection.order(start, ordinal))


def _fleet_query(selection: Selection, after: FleetPlace | None) -> SelectOfScalar[FleetWindowRow]:
    start, end, reference = (col(getattr(FleetWindowRow, name)) for name in ("start_ms", "end_ms", "reference"))
    chosen = bounds(
        (FleetWindowRow.model, eq, selection.model),
        (start, ge, selection.since_ms),
        (start, lt, selection.until_ms),
        (tuple_(start, end, reference), gt, after),
    )
    return select(FleetWindowRow).where(*chosen).order_by(start, end, reference)
