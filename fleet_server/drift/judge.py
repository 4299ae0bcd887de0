"""Judges the windows of one model, a cohort at a time, in the caller's transaction."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import repeat
from types import MappingProxyType
from typing import Final

import numpy as np
import sqlalchemy
from sqlalchemy import delete, update
from sqlmodel import Session, col, func, select

from detectors.summing_up import FEW_PEERS
from fleet_server.devices.tables import DeviceRow
from fleet_server.drift.findings import Row, device_verdict, fleet_verdict
from fleet_server.drift.judging import HalfJudgement, Judging, WindowJudge
from fleet_server.drift.readiness import GRACE_WINDOWS, Watermarks, front_ms, is_ready
from fleet_server.drift.records import keep_records
from fleet_server.drift.settlement import Settled, Settlement
from fleet_server.drift.tables import DriftDeviceRow, WaitingWindowRow
from fleet_server.drift.verdict import DEVICE_KINDS, SILENT, WHOLE_FLEET, Verdict
from fleet_server.drift.windows import FleetWindow, Part, waits_for

_SILENT = Verdict("no_data", SILENT)
_IN_BULK: Final = MappingProxyType({"synchronize_session": False})


def next_window(session: Session, model: str) -> tuple[int, int] | None:
    """Return start and end of the earliest window that is complete and waits to be judged."""
    start, end = col(WaitingWindowRow.start_ms), col(WaitingWindowRow.end_ms)
    waiting = select(start, end).where(WaitingWindowRow.model == model).distinct().order_by(start, end)
    watermarks_ms = _watermarks(session, model)
    for start_ms, end_ms in session.exec(waiting):
        if is_ready(start_ms, end_ms - start_ms, watermarks_ms):
            return start_ms, end_ms
    return None


def judged_through_ms(session: Session, model: str) -> int:
    """Return the end of the latest window that was judged; 0 before the first."""
    query = select(func.max(DriftDeviceRow.judged_ms)).where(DriftDeviceRow.model == model)
    return session.exec(query).one() or 0


class ModelJudge:
    """Judges the windows of one model, within the caller's transaction.

    Args:
        session: The transaction.
        model: The model.
        now_ms: Present Unix time, for the history.
    """

    def __init__(self, session: Session, model: str, now_ms: int) -> None:
        self._session = session
        self._model = model
        self._now_ms = now_ms
        self._settlement = Settlement(session, model, now_ms)

    def judge(self, judge: WindowJudge, cohort: FleetWindow) -> dict[str, str]:
        """Judge a cohort of a window, and settle what follows from it.

        Args:
            judge: Of the window.
            cohort: Its part of the window.

        Returns:
            Why devices could not be judged, by their ids.
        """
        judged = judge.judge(self._session, cohort)
        rows = rows_by_device(judged, self._with_news(judged))
        present = self._settlement.present(list(rows))
        self._settlement.settle(_device_verdicts(rows, cohort.last_parts, judge.judging), present, cohort.start_ms)
        keep_records(self._session, cohort, judged, self._now_ms)
        return _unsound(judged)

    def judge_fleet(self, judge: WindowJudge) -> None:
        """Settle what follows from a window for the whole fleet, once its cohorts were judged."""
        present = self._settlement.present([WHOLE_FLEET])
        self._settlement.settle(_fleet_verdicts(judge.groups(self._session)), present, judge.window.start_ms)
        self._close(judge.window)

    def _with_news(self, judged: Sequence[HalfJudgement]) -> set[str]:
        """Return the devices that may have news: those that drift, and whose words are others than before.

        Nearly all devices are as they were: for them no verdict is made.
        """
        words: set[tuple[str, str, str]] = set()
        seen: set[str] = set()
        drifting: set[str] = set()
        for half in judged:
            told = half.judgement
            new = [place for place, device_id in enumerate(told.devices.tolist()) if device_id not in seen]
            devices = told.devices[new].tolist()
            seen.update(devices)
            for kind, column in zip(DEVICE_KINDS, told.words[new].T.tolist(), strict=True):  # the features' count
                words.update(zip(devices, repeat(kind), column))
            drifting.update(told.devices[(told.words == "drift").any(axis=1)].tolist())
        return drifting | {device_id for device_id, _, _ in words - self._settlement.words(seen)}

    def mark_silent(self, heard: Collection[str]) -> None:
        """Tell which devices have fallen silent.

        Args:
            heard: Devices whose windows were judged now, long after the others': behind, but not silent.
        """
        watermarks_ms = _watermarks(self._session, self._model)
        if not len(watermarks_ms):  # every report of the model was refused, or its devices have another one now
            return
        front = front_ms(watermarks_ms)
        watermark, length = col(DriftDeviceRow.watermark_ms), col(DriftDeviceRow.window_ms)
        query = select(DriftDeviceRow).where(DriftDeviceRow.model == self._model, col(DriftDeviceRow.current))
        behind = self._session.exec(query.where(watermark <= front - GRACE_WINDOWS * length))
        silent = [device for device in behind if device.device_id not in heard]
        present = self._settlement.present([device.device_id for device in silent])
        for device in silent:
            verdicts = [Settled(device.device_id, "", kind, device.version, _SILENT) for kind in DEVICE_KINDS]
            self._settlement.settle(verdicts, present, device.watermark_ms + device.window_ms)

    def _close(self, window: FleetWindow) -> None:
        """Nothing waits for the window any more: once for all its cohorts, since each row's page is written again."""
        waiting = waits_for(window.model, window.start_ms, window.end_ms)
        reported = col(DriftDeviceRow.device_id).in_(select(WaitingWindowRow.device_id).where(*waiting))
        devices = update(DriftDeviceRow).where(col(DriftDeviceRow.model) == window.model, reported)
        self._session.execute(devices.values(judged_ms=window.end_ms), execution_options=_IN_BULK)
        self._session.execute(delete(WaitingWindowRow).where(*waiting), execution_options=_IN_BULK)


def rows_by_device(judged: Iterable[HalfJudgement], devices: Collection[str]) -> dict[str, list[Row]]:
    """Return where each of the devices stands in the judgements; its features first."""
    rows: dict[str, list[Row]] = {}
    for half in judged:
        for place, device_id in enumerate(half.judgement.devices.tolist()):
            if device_id in devices:
                rows.setdefault(device_id, []).append(Row(half, place))
    return rows


def _unsound(judged: Iterable[HalfJudgement]) -> dict[str, str]:
    return {
        str(found.window.devices[place]): str(found.window.reasons[place])
        for found in judged
        for place in np.flatnonzero(~found.window.sound)
    }


def _watermarks(session: Session, model: str) -> Watermarks:
    devices = sqlalchemy.inspect(DriftDeviceRow).local_table  # its columns make plain rows, those of the class do not
    watermark_ms = devices.c.watermark_ms
    query = sqlalchemy.select(watermark_ms, func.count()).where(devices.c.model == model, devices.c.current)
    revoked = select(DeviceRow.device_id).where(DeviceRow.state == "revoked")  # it is not heard any more
    query = query.where(devices.c.device_id.not_in(revoked)).group_by(watermark_ms)  # windows are aligned: few differ
    told = np.array(session.execute(query).all(), np.int64).reshape(-1, 2)
    return np.repeat(told[:, 0], told[:, 1])


def _device_verdicts(
    rows: Mapping[str, Sequence[Row]], parts: Mapping[str, Part], judging: Judging
) -> Iterator[Settled]:
    for device_id, halves in rows.items():
        part = parts[device_id]
        for place, kind in enumerate(DEVICE_KINDS):
            verdict = device_verdict(halves, place)
            # alone it cannot be told from its peers: a device that comes late keeps what was told of it
            if verdict.reason != FEW_PEERS or not halves[0].found.is_late:
                yield Settled(device_id, "", kind, part.version, verdict, judging.units(part.bundle_sha256))


def _fleet_verdicts(judged: Sequence[HalfJudgement]) -> Iterator[Settled]:
    rows: dict[str, list[Row]] = {}
    for half in judged:
        for place, group in enumerate(half.judgement.groups):
            rows.setdefault(group, []).append(Row(half, place))
    for group, halves in rows.items():
        # whether there is enough to tell is decided by most of the group, not by the few with a new version
        ranked = sorted(halves, key=lambda row: (row.found.half.name, -int(row.judgement.sizes[row.place])))
        yield Settled(WHOLE_FLEET, group, "fleet", "", fleet_verdict(ranked))
