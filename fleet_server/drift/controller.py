"""Follows the stored reports, and has every window judged that they complete."""

import logging
from collections.abc import Mapping, Sequence

from prometheus_client import CollectorRegistry, Counter
from sqlmodel import Session, select

from device_contract.manifest import Manifest
from fleet_server.bundles.service import BundleService
from fleet_server.clock import Clock
from fleet_server.db import Database
from fleet_server.devices.service import DeviceService
from fleet_server.drift.grouping import grouped_by, regroup
from fleet_server.drift.halves import Counted, Half
from fleet_server.drift.intake import Intake
from fleet_server.drift.judge import ModelJudge, judged_through_ms, next_window
from fleet_server.drift.judging import Judging, WindowJudge
from fleet_server.drift.policies import PolicyService
from fleet_server.drift.tables import DriftCursorRow, GroupingRow, WaitingWindowRow
from fleet_server.drift.windows import FleetWindow, Part, parts_after, waiting_window
from fleet_server.telemetry.refusals import Refusal, RefusedWindow, record_refusal
from fleet_server.turns import each_in_turn

_logger = logging.getLogger(__name__)

BATCH_REPORTS = 500
"""Taken in within one transaction, while SQLite lets nobody else write."""
_BEFORE_JUDGING = 100 * BATCH_REPORTS
"""Reports that are taken in, while there are more, before it is looked which windows they complete."""
COHORTS_AT_ONCE = 3
"""Judged within one transaction, some six thousand devices: others write in between, and SQLite's cache holds them."""
_CURSOR = "reports"


class DriftController:
    """Judges the fleet.

    Each step is one transaction: the reports taken in with the place in their stream, or the verdicts of
    some cohorts of a window with what the detectors learned from it. A server that is killed goes on where
    it was, and judges nothing twice. If that was within a window, the cohorts that are left are all that the
    fleet's movement in it is told by.

    Args:
        database: Where all of that is kept.
        bundles: Finds baselines.
        devices: Knows the devices' labels.
        policies: How each model's devices are judged.
        clock: Gives the present, for the history alone: verdicts follow event time.
        registry: Where the counters are registered.
    """

    def __init__(  # noqa: PLR0913  (each is another room)
        self,
        database: Database,
        bundles: BundleService,
        devices: DeviceService,
        policies: PolicyService,
        *,
        clock: Clock,
        registry: CollectorRegistry,
    ) -> None:
        self._database = database
        self._bundles = bundles
        self._devices = devices
        self._policies = policies
        self._clock = clock
        self._known: dict[tuple[str, str], Counted] = {}
        self._units: dict[str, dict[str, str]] = {}
        self._to_judge: set[str] = set()
        self._is_resumed = False
        self._taken = 0
        self._unjudged = Counter(
            "leeway_windows_unjudged", "Stored windows that were not judged, by reason.", ["reason"], registry=registry
        )

    def judge_new(self) -> int:
        """Take in the next batch of reports, and judge every window that they complete.

        Returns:
            How many reports there were; fewer than ``BATCH_REPORTS`` means that none are left.

        Raises:
            ExceptionGroup: Models could not be judged, and will be tried again; all others were.
        """
        if not self._is_resumed:
            self._resume()
        with self._database.reading() as session:
            place = session.get(DriftCursorRow, _CURSOR)
            reports = parts_after(session, place.ordinal if place else 0, BATCH_REPORTS)
            grouped = {row.model: row.label for row in session.exec(select(GroupingRow))}
        labels = self._policies.group_labels(grouped)
        self._to_judge.update(model for model, label in grouped.items() if labels[model] != label)
        if reports:
            self._to_judge |= self._take(reports)
        self._taken += len(reports)
        if len(reports) < BATCH_REPORTS or self._taken >= _BEFORE_JUDGING:
            self._taken = 0
            each_in_turn(sorted(self._to_judge), self._judge)
        return len(reports)

    def _resume(self) -> None:
        """Judge what an earlier process took in, before anything else comes to a window that it judged in part."""
        with self._database.reading() as session:
            self._to_judge.update(session.exec(select(WaitingWindowRow.model).distinct()))
        self._is_resumed = True
        each_in_turn(sorted(self._to_judge), self._judge)

    def _take(self, reports: Sequence[Part]) -> set[str]:
        with self._database.session() as session:
            judged = [report for report in reports if report.slot != "shadow"]  # it sees the rows of the champion
            intake = Intake(session, {report.device_id for report in judged})
            for report in judged:
                refusal = intake.take(report) if self._counted(report) is not None else Refusal("no_baseline")
                if refusal is not None:
                    self._record(session, report, refusal)
            intake.finish()
            session.merge(DriftCursorRow(name=_CURSOR, ordinal=reports[-1].ordinal))
        return {report.model for report in judged} | intake.left

    def _record(self, session: Session, report: Part, refusal: Refusal) -> None:
        window = RefusedWindow(report.device_id, report.sequence, report.window_start_ms, report.window_end_ms)
        record_refusal(session, window, refusal, self._clock())
        self._unjudged.labels(refusal.reason).inc()
        _logger.debug("report %s of %s is not judged: %s", report.sequence, report.device_id, refusal)

    def _judge(self, model: str) -> None:
        policy = self._policies.get(model)
        groups = self._devices.label_values(policy.group_label) if policy.group_label else {}
        judging = Judging(policy, groups, self._counted, self._half, self._units_of, self._clock())
        with self._database.reading() as session:
            others_ms = judged_through_ms(session, model)
            is_regrouped = grouped_by(session, model) != policy.group_label
        if is_regrouped:
            with self._database.session() as session:
                regroup(session, model, policy.group_label, start_ms=others_ms, now_ms=self._clock())
        heard: set[str] = set()
        while True:
            with self._database.reading() as session:
                found = next_window(session, model)
                window = waiting_window(session, model, *found) if found is not None else None
            if window is None:
                break
            self._judge_window(WindowJudge(window, judging))
            if window.start_ms < others_ms:
                heard |= window.last_parts.keys()
        with self._database.session() as session:
            ModelJudge(session, model, self._clock()).mark_silent(heard)
        self._to_judge.discard(model)

    def _judge_window(self, judge: WindowJudge) -> None:
        cohorts = judge.cohorts()
        for first in range(0, len(cohorts), COHORTS_AT_ONCE):
            with self._database.session() as session:
                model_judge = ModelJudge(session, judge.window.model, self._clock())
                for cohort in cohorts[first : first + COHORTS_AT_ONCE]:
                    self._record_unsound(session, cohort, model_judge.judge(judge, cohort))
                if first + COHORTS_AT_ONCE >= len(cohorts):
                    model_judge.judge_fleet(judge)

    def _record_unsound(self, session: Session, cohort: FleetWindow, unsound: Mapping[str, str]) -> None:
        for device_id, reason in unsound.items():
            self._record(session, cohort.last_parts[device_id], Refusal("malformed_summary", reason))

    def _counted(self, report: Part) -> Counted | None:
        return self._counted_with(report.baseline_sha256, report.version)

    def _counted_with(self, baseline_sha256: str, version: str) -> Counted | None:
        key = (baseline_sha256, version)
        if key not in self._known:
            baseline = self._bundles.baseline(baseline_sha256)
            if baseline is None:
                return None
            self._known[key] = Counted(baseline, baseline_sha256, version)
        return self._known[key]

    def _half(self, baseline_sha256: str, version: str, name: str) -> Half | None:
        counted = self._counted_with(baseline_sha256, version)
        halves = counted.halves if counted is not None else ()
        return next((half for half in halves if half.name == name), None)

    def _units_of(self, bundle_sha256: str) -> Mapping[str, str]:
        if bundle_sha256 not in self._units:
            manifest = self._bundles.manifest(bundle_sha256)
            self._units[bundle_sha256] = _units(manifest) if manifest is not None else {}
        return self._units[bundle_sha256]


def _units(manifest: Manifest) -> dict[str, str]:
    inputs = {feature.name: feature.unit for feature in manifest.features}
    return inputs | {output.name: output.unit for output in manifest.outputs}
