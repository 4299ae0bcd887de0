"""Storing reports once, and reading them again."""

import logging
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final, cast

from prometheus_client import CollectorRegistry, Counter
from sqlalchemy import delete, func
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from device_contract.baseline import Baseline
from device_contract.messages import Report
from device_contract.sketches import WindowSummary, decode_summary
from fleet_server.broker.acknowledge import acknowledge
from fleet_server.broker.ingest import Inbound, Outbound
from fleet_server.bulk import plain_rows, put_rows
from fleet_server.clock import Clock
from fleet_server.db import Database, insert_new, newest_first
from fleet_server.errors import NotFoundError
from fleet_server.telemetry.admission import Bundles, refusal
from fleet_server.telemetry.refusals import Refusal, RefusedWindow, record_refusal, refusals_of
from fleet_server.telemetry.tables import RefusalRow, TelemetryTotalsRow, WindowRow

_logger = logging.getLogger(__name__)

PRUNED_REPORTS: Final = 500
"""Deleted in one transaction, while SQLite lets nobody else write."""
_FIELDS: Final = (
    "device_id",
    "boot_id",
    "sequence",
    "slot",
    "model",
    "version",
    "bundle_sha256",
    "baseline_sha256",
    "window_start_ms",
    "window_end_ms",
    "merged_windows",
    "rows",
    "summary",
)
_TOTALS: Final = ("device_id", "rows_scored", "reports_ingested", "last_window_end_ms")


class TelemetryService:
    """The reports of all devices.

    Args:
        database: Where they are stored.
        bundles: Finds the bundle, and the baseline, that a report was made against.
        clock: Gives the present.
        registry: Where the counters are registered.
    """

    def __init__(self, database: Database, bundles: Bundles, clock: Clock, *, registry: CollectorRegistry) -> None:
        self._database = database
        self._bundles = bundles
        self._clock = clock
        self._stored = Counter("leeway_reports_stored", "Reports stored.", registry=registry)
        self._repeated = Counter("leeway_reports_repeated", "Reports that were stored already.", registry=registry)
        self._refused = Counter("leeway_reports_refused", "Reports refused, by reason.", ["reason"], registry=registry)

    def ingest_reports(self, session: Session, inbound: list[Inbound]) -> list[Outbound]:
        """Store a batch of reports in the caller's transaction; one that is there already is left as it is.

        Every report is acknowledged, refused ones too (``fleet_server.telemetry.admission``
        says why).

        Args:
            session: The transaction; its commit must come before the answer is published.
            inbound: Reports, each from the device that it names.

        Returns:
            The acknowledgements, one or more for each device and boot.
        """
        reports = [cast("Report", message.message) for message in inbound]
        now_ms = self._clock()
        refusals = [refusal(report, self._bundles, now_ms) for report in reports]
        sound = [report for report, reason in zip(reports, refusals, strict=True) if reason is None]
        stored = _insert(session, sound, now_ms) if sound else []
        _add_totals(session, stored, now_ms)
        self._record_refusals(session, reports, refusals, now_ms)
        self._stored.inc(len(stored))
        self._repeated.inc(len(sound) - len(stored))
        return acknowledge(reports)

    def windows_after(self, ordinal: int, limit: int) -> Sequence[WindowRow]:
        """Return the reports that arrived after the one with this ordinal (0: from the first), in that order."""
        query = select(WindowRow).where(col(WindowRow.ordinal) > ordinal).order_by(col(WindowRow.ordinal)).limit(limit)
        with self._database.reading() as session:
            return session.exec(query).all()

    def windows(self, device_id: str, model: str, since_ms: int, until_ms: int) -> Sequence[WindowRow]:
        """Return a device's windows of a model that start in [since_ms, until_ms), in order of event time."""
        start = col(WindowRow.window_start_ms)
        query = select(WindowRow).where(WindowRow.device_id == device_id, WindowRow.model == model)
        query = query.where(start >= since_ms, start < until_ms).order_by(start, col(WindowRow.ordinal))
        with self._database.reading() as session:
            return session.exec(query).all()

    def latest(
        self, device_id: str, *, limit: int, model: str | None = None, before: int | None = None
    ) -> Sequence[WindowRow]:
        """Return a device's windows, the last to arrive first; those before an ordinal, if one is given."""
        query = newest_first(WindowRow, "ordinal", limit=limit, before=before, device_id=device_id, model=model)
        with self._database.reading() as session:
            return session.exec(query).all()

    def baseline(self, row: WindowRow) -> Baseline:
        """Return the baseline that a stored report was made against.

        Raises:
            NotFoundError: It is no longer known.
        """
        baseline = self._bundles.baseline(row.baseline_sha256)
        if baseline is None:
            raise NotFoundError(f"no baseline {row.baseline_sha256[:12]}", code="no_baseline")
        return baseline

    def summary(self, row: WindowRow) -> WindowSummary:
        """Decode the statistics of a stored report.

        Raises:
            NotFoundError: Its baseline is no longer known.
        """
        return decode_summary(row.summary, self.baseline(row))

    def prune(self, received_before_ms: int, *, up_to_ordinal: int, needed: SelectOfScalar[int] | None = None) -> int:
        """Delete a batch of the oldest reports; their part in the totals stays.

        The last report is always kept, since the next one's ordinal follows from it.

        Args:
            received_before_ms: Younger ones are kept.
            up_to_ordinal: Those after it are still needed.
            needed: The query of the ordinals of those before it that are.

        Returns:
            How many were deleted; fewer than ``PRUNED_REPORTS`` means that none are left.
        """
        ordinal = col(WindowRow.ordinal)
        oldest = select(WindowRow.ordinal, WindowRow.received_ms).where(
            ordinal < select(func.max(ordinal)).scalar_subquery(), ordinal <= up_to_ordinal
        )
        if needed is not None:
            oldest = oldest.where(ordinal.not_in(needed))
        with self._database.session() as session:
            rows = session.exec(oldest.order_by(ordinal).limit(PRUNED_REPORTS)).all()
            old = [place for place, received_ms in rows if received_ms < received_before_ms]
            if old:
                session.execute(delete(WindowRow).where(ordinal.in_(old)))
        return len(old)

    def totals(self, device_id: str) -> TelemetryTotalsRow:
        """Return what a device's reports add up to; zeros for one that has sent none."""
        with self._database.reading() as session:
            return session.get(TelemetryTotalsRow, device_id) or TelemetryTotalsRow(device_id=device_id)

    def refusals(self, device_id: str) -> Sequence[RefusalRow]:
        """Return what was wrong with a device's reports, the latest first."""
        with self._database.reading() as session:
            return refusals_of(session, device_id)

    def _record_refusals(
        self, session: Session, reports: Iterable[Report], refusals: Iterable[Refusal | None], now_ms: int
    ) -> None:
        for report, refused in zip(reports, refusals, strict=True):
            if refused is not None:
                window = RefusedWindow(report.device_id, report.sequence, report.window_start_ms, report.window_end_ms)
                record_refusal(session, window, refused, now_ms)
                self._refused.labels(refused.reason).inc()
                _logger.info("refused report %s of device %s: %s", report.sequence, report.device_id, refused)


def _insert(session: Session, reports: Sequence[Report], now_ms: int) -> list[Report]:
    """Insert reports and return those that were new.

    Ordinals rise in the order of commits, because one worker ingests, in one transaction
    after another. A second one at the same time would break the uniqueness of ordinals and
    fail, instead of hiding a report from readers that are already past its ordinal.
    """
    last = session.exec(select(func.max(WindowRow.ordinal))).one() or 0
    by_ordinal = dict(enumerate(reports, start=last + 1))
    values = [
        {field: getattr(report, field) for field in _FIELDS} | {"ordinal": ordinal, "received_ms": now_ms}
        for ordinal, report in by_ordinal.items()
    ]
    return [by_ordinal[ordinal] for ordinal in sorted(insert_new(session, WindowRow, values))]


def _add_totals(session: Session, reports: Iterable[Report], now_ms: int) -> None:
    by_device: dict[str, list[Report]] = defaultdict(list)
    for report in reports:
        by_device[report.device_id].append(report)
    held = {device_id: told for device_id, *told in plain_rows(session, TelemetryTotalsRow, _TOTALS, by_device)}
    rows = []
    # in order of key, so that transactions never wait for each other in a circle
    for device_id, theirs in sorted(by_device.items()):
        scored, ingested, last_end_ms = held.get(device_id, (0, 0, 0))
        scored += sum(report.rows for report in theirs if report.slot != "shadow")
        last_end_ms = max(last_end_ms, *(report.window_end_ms for report in theirs))
        rows.append((device_id, scored, ingested + len(theirs), last_end_ms, now_ms))
    put_rows(session, TelemetryTotalsRow, (*_TOTALS, "last_received_ms"), rows, replace=True)
