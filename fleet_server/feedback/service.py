"""Labels as they come, by MQTT and by upload; and the windows that they are about."""

import logging
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Final, cast

import prometheus_client
from sqlmodel import Session

from device_contract.errors import SketchError
from device_contract.feedback import Feedback, LabelledRow
from device_contract.samples import Sample
from fleet_server.broker.acknowledge import acknowledge
from fleet_server.broker.ingest import Inbound, Outbound
from fleet_server.clock import Clock
from fleet_server.db import Database
from fleet_server.errors import NotFoundError
from fleet_server.feedback.cursor import CURSOR, lock
from fleet_server.feedback.evidence import Evidence, store_evidence, take_evidence
from fleet_server.feedback.labels import RefusedError, Truth, read_label
from fleet_server.feedback.matching import Window
from fleet_server.feedback.recording import Outcome, match_sampled, match_waiting, record
from fleet_server.feedback.refusals import Refusal, count_refusals
from fleet_server.feedback.stored import Subject
from fleet_server.feedback.tables import FeedbackCursorRow
from fleet_server.feedback.targets import Targets
from fleet_server.telemetry.service import TelemetryService
from fleet_server.telemetry.tables import WindowRow

_logger = logging.getLogger(__name__)

BATCH_WINDOWS: Final = 100
"""Taken in within one transaction, while SQLite lets nobody else write."""
_FLOAT64: Final = 8


class FeedbackService:
    """Takes in labels, and the windows that they belong to.

    Args:
        database: Where both are kept.
        telemetry: The stored reports.
        targets: What versions predict.
        clock: Gives the present.
        registry: Where the counters are registered.
    """

    def __init__(
        self,
        database: Database,
        telemetry: TelemetryService,
        targets: Targets,
        clock: Clock,
        *,
        registry: prometheus_client.CollectorRegistry,
    ) -> None:
        self._database = database
        self._telemetry = telemetry
        self._targets = targets
        self._clock = clock
        self._labels = prometheus_client.Counter(
            "leeway_labels", "Labels taken in, by what became of them.", ["outcome"], registry=registry
        )
        self._refused = prometheus_client.Counter(
            "leeway_labels_refused", "Labels refused, by reason.", ["reason"], registry=registry
        )

    def ingest_feedback(self, session: Session, inbound: list[Inbound]) -> list[Outbound]:
        """Store what devices say of their rows; the handler for ``feedback``.

        Every message is acknowledged: a label that is refused would be as wrong tomorrow.
        """
        messages = [cast("Feedback", message.message) for message in inbound]
        by_version: dict[tuple[str, str, str], list[LabelledRow]] = defaultdict(list)
        for message in messages:
            by_version[message.device_id, message.model, message.version] += message.labels
        lock(session)
        for place, rows in by_version.items():
            self._ingest(session, *place, rows)
        return acknowledge(messages)

    def match_sampled(self, session: Session, inbound: list[Inbound]) -> None:
        """Count labels that waited for what these samples tell; to be called once they are stored."""
        lock(session)
        for message in inbound:
            sample = cast("Sample", message.message)
            target = self._targets.find(sample.model, sample.version)
            if target is not None and sample.rows:
                subject = Subject(sample.device_id, sample.model, sample.version, target)
                numbers = [row.row for row in sample.rows]
                window = Window(sample.window_start_ms, sample.window_end_ms)
                match_sampled(session, subject, window, range(min(numbers), max(numbers) + 1))

    def take_windows(self) -> int:
        """Take in the next batch of stored reports, and count the labels that waited for them.

        Returns:
            How many reports there were; fewer than ``BATCH_WINDOWS`` means that none are left.
        """
        with self._database.reading() as session:
            ordinal = session.get_one(FeedbackCursorRow, CURSOR).ordinal
        reports = self._telemetry.windows_after(ordinal, BATCH_WINDOWS)
        evidence = list(self._readable(reports))
        if reports:
            with self._database.session() as session:
                lock(session).ordinal = reports[-1].ordinal
                self._store(session, evidence)
        return len(reports)

    def taken_through(self) -> int:
        """Return the ordinal of the last report that was taken in."""
        with self._database.reading() as session:
            return session.get_one(FeedbackCursorRow, CURSOR).ordinal

    def record(
        self, session: Session, subject: Subject, truths: Sequence[Truth]
    ) -> tuple[Counter[Outcome], Counter[str]]:
        """Store a version's labels in a locked transaction; returns what ``recording.record`` does."""
        outcomes, waiting = record(session, subject, truths, self._clock())
        for outcome, labels in outcomes.items():
            self._labels.labels(outcome).inc(labels)
        return outcomes, waiting

    def refuse(self, session: Session, model: str, refusals: Sequence[Refusal]) -> None:
        """Count refused labels in a locked transaction."""
        for refusal in refusals:
            self._refused.labels(refusal.reason).inc()
        count_refusals(session, model, refusals, self._clock())

    def _ingest(self, session: Session, device_id: str, model: str, version: str, rows: list[LabelledRow]) -> None:
        target = self._targets.find(model, version)
        if target is None:
            known = model if self._targets.knows(model) else ""  # else a device could fill the table with names
            self.refuse(session, known, [Refusal(device_id, "unknown_version", f"{model} {version}")] * len(rows))
            return
        truths, refusals = [], []
        for row in rows:
            try:
                truths.append(read_label(_given(row), target, self._clock()))
            except RefusedError as error:
                refusals.append(Refusal(device_id, error.reason, error.detail))
        self.refuse(session, model, refusals)
        self.record(session, Subject(device_id, model, version, target), truths)

    def _readable(self, reports: Iterable[WindowRow]) -> Iterable[Evidence]:
        for report in reports:
            try:
                yield take_evidence(report, self._telemetry.baseline(report), self._telemetry.summary(report))
            except (NotFoundError, SketchError) as error:
                _logger.warning("report %s of %s is left out: %s", report.sequence, report.device_id, error)

    def _store(self, session: Session, evidence: Sequence[Evidence]) -> None:
        windows: dict[tuple[str, str, str], list[Window]] = defaultdict(list)
        for each in evidence:
            store_evidence(session, each)
            windows[each.report.device_id, each.report.model, each.report.version].append(each.window)
        session.flush()
        for (device_id, model, version), theirs in windows.items():
            target = self._targets.find(model, version)
            if target is not None:
                match_waiting(session, Subject(device_id, model, version, target), theirs)


def _given(row: LabelledRow) -> dict[str, object]:
    given: dict[str, object] = {"row": row.row, "time_ms": row.time_ms, "label": row.label, "weight": row.weight}
    if len(row.outputs) % _FLOAT64:
        return given | {"prediction": "outputs of half a number"}
    return given | {"outputs": list(memoryview(row.outputs).cast("d")) or None}
