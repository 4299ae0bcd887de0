"""Takes in reports and judges windows, within one transaction."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import get_args

import msgspec
from sqlmodel import Session, col, select

from device_contract.baseline import Baseline
from device_contract.sketches.summary import WindowSummary
from fleet_server.drift.readiness import front_ms, is_ready, is_silent
from fleet_server.drift.sentences import sentence
from fleet_server.drift.streams import StreamStates, take_windows
from fleet_server.drift.tables import DriftStateRow, DriftWindowRow, VerdictChangeRow, VerdictRow
from fleet_server.drift.training import TrainingState, take_window
from fleet_server.drift.verdict import NO_DATA, Kind, Verdict
from fleet_server.drift.windows import decode_window, encode_window, pool, summarise


@dataclass(frozen=True)
class WindowReport:
    """A stored report, with all that is needed to judge it."""

    device_id: str
    model: str
    version: str
    start_ms: int
    end_ms: int
    baseline_sha256: str
    baseline: Baseline
    units: Mapping[str, str]
    summary: WindowSummary


class Judge:
    """Judges in the caller's transaction.

    Args:
        session: The transaction.
        now_ms: Present Unix time, for the history.
    """

    def __init__(self, session: Session, now_ms: int) -> None:
        self._session = session
        self._now_ms = now_ms

    def take(self, reports: Iterable[WindowReport]) -> None:
        """Take in reports, and judge every window that they complete."""
        models = set()
        for report in reports:
            self._take_report(report)
            models.add(report.model)
        for model in sorted(models):
            states = self._states(model)
            self._judge_ready(model, states)
            self._mark_silent(states)

    def _take_report(self, report: WindowReport) -> None:
        state = self._state(report)
        training = msgspec.msgpack.decode(state.training, type=TrainingState)
        training, verdict = take_window(training, report.baseline, report.baseline_sha256, report.summary)
        state.training = msgspec.msgpack.encode(training)
        self._settle(state, "training", verdict, report.start_ms)
        self._keep(report)

    def _state(self, report: WindowReport) -> DriftStateRow:
        state = self._session.get(DriftStateRow, (report.device_id, report.model))
        if state is None:
            state = DriftStateRow(
                device_id=report.device_id,
                model=report.model,
                version=report.version,
                current=False,
                watermark_ms=report.start_ms,
                window_ms=report.end_ms - report.start_ms,
                units={},
                training=msgspec.msgpack.encode(TrainingState()),
                peers=msgspec.msgpack.encode(StreamStates()),
            )
            self._session.add(state)
        if report.start_ms >= state.watermark_ms:
            state.version, state.units = report.version, dict(report.units)
            state.watermark_ms, state.window_ms = report.start_ms, report.end_ms - report.start_ms
        if not state.current:
            self._make_current(state)
        return state

    def _make_current(self, state: DriftStateRow) -> None:
        others = select(DriftStateRow).where(DriftStateRow.device_id == state.device_id, col(DriftStateRow.current))
        for other in self._session.exec(others):
            other.current = False
        state.current = True

    def _keep(self, report: WindowReport) -> None:
        window = summarise(report.version, report.baseline, report.summary)
        key = (report.model, report.start_ms, report.end_ms, report.device_id)
        row = self._session.get(DriftWindowRow, key)
        if row is not None:
            row.data = encode_window(pool(decode_window(row.data), window))
            return
        self._session.add(
            DriftWindowRow(
                model=report.model,
                start_ms=report.start_ms,
                end_ms=report.end_ms,
                device_id=report.device_id,
                data=encode_window(window),
            )
        )

    def _states(self, model: str) -> dict[str, DriftStateRow]:
        rows = self._session.exec(select(DriftStateRow).where(DriftStateRow.model == model))
        return {row.device_id: row for row in rows}

    def _judge_ready(self, model: str, states: Mapping[str, DriftStateRow]) -> None:
        order = (col(DriftWindowRow.start_ms), col(DriftWindowRow.end_ms), col(DriftWindowRow.device_id))
        waiting = select(DriftWindowRow).where(DriftWindowRow.model == model, ~col(DriftWindowRow.judged))
        watermarks_ms = _watermarks(states)
        rows = self._session.exec(waiting.order_by(*order)).all()
        for (start_ms, end_ms), group in groupby(rows, lambda row: (row.start_ms, row.end_ms)):
            if is_ready(start_ms, end_ms - start_ms, watermarks_ms):
                self._judge_window(list(group), states)

    def _judge_window(self, rows: list[DriftWindowRow], states: Mapping[str, DriftStateRow]) -> None:
        first = rows[0]
        same = select(DriftWindowRow).where(
            DriftWindowRow.model == first.model,
            DriftWindowRow.start_ms == first.start_ms,
            DriftWindowRow.end_ms == first.end_ms,
        )
        windows = {row.device_id: decode_window(row.data) for row in self._session.exec(same)}
        for row in rows:
            state = states[row.device_id]
            streams = msgspec.msgpack.decode(state.peers, type=StreamStates)
            streams, verdict = take_windows(streams, row.device_id, windows)
            state.peers = msgspec.msgpack.encode(streams)
            row.judged = True
            self._settle(state, "peers", verdict, row.start_ms)

    def _mark_silent(self, states: Mapping[str, DriftStateRow]) -> None:
        front = front_ms(_watermarks(states))
        for state in states.values():
            if is_silent(state.watermark_ms, front, state.window_ms):
                for kind in get_args(Kind):
                    self._settle(state, kind, NO_DATA, state.watermark_ms + state.window_ms)

    def _settle(self, state: DriftStateRow, kind: Kind, verdict: Verdict, start_ms: int) -> None:
        """Store a verdict; write to the history if it is news."""
        row = self._session.get(VerdictRow, (state.device_id, state.model, kind))
        before = row.verdict if row is not None else ""
        since_ms = row.since_ms if row is not None and before == verdict.word else start_ms
        unit = state.units.get(verdict.leading.name, "") if verdict.leading is not None else ""
        now = VerdictRow(
            device_id=state.device_id,
            model=state.model,
            kind=kind,
            version=state.version,
            verdict=verdict.word,
            features=list(verdict.features),
            outputs=list(verdict.outputs),
            severity=verdict.severity,
            since_ms=since_ms,
            evidence=verdict.evidence,
            sentence=sentence(kind, state.device_id, verdict, since_ms, unit),
        )
        if row is None or before != verdict.word or _streams(row) != _streams(now):
            self._session.add(self._change(now, before))
        self._session.merge(now)

    def _change(self, verdict: VerdictRow, before: str) -> VerdictChangeRow:
        drifting = {name: verdict.evidence[name] for name in (*verdict.features, *verdict.outputs)}
        told = verdict.model_dump(exclude={"evidence"})
        return VerdictChangeRow(**told, verdict_before=before, changed_ms=self._now_ms, evidence=drifting)


def _watermarks(states: Mapping[str, DriftStateRow]) -> dict[str, int]:
    return {device_id: state.watermark_ms for device_id, state in states.items()}


def _streams(verdict: VerdictRow) -> set[str]:
    return {*verdict.features, *verdict.outputs}
