"""Judges one window of a model's devices: all of one reference in one step of the detectors."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from sqlmodel import Session

from detectors import Judgement, Levels, Tolerances, WindowArrays, charts_of, judge, level_for
from fleet_server.db import upsert
from fleet_server.drift.fleet_frames import decode_fleet, earlier_judgement, encode_fleet
from fleet_server.drift.halves import Half
from fleet_server.drift.pasts import FindHalf, PastKey, load, save, save_fleet
from fleet_server.drift.policies import DriftPolicy
from fleet_server.drift.season import phase_of, phases_of
from fleet_server.drift.tables import FleetWindowRow
from fleet_server.drift.windows import FindCounted, FleetWindow, HalfWindow, half_windows

_MONTH_MS = 30 * 86_400_000


@dataclass(frozen=True, eq=False)
class HalfJudgement:
    """What was found in one half of a window, of the devices that share its reference.

    Attributes:
        key: Whose pasts it was judged by.
        window: The devices' windows.
        judgement: The verdicts.
        is_late: Whether the window had been judged before, without these devices.
    """

    key: PastKey
    window: WindowArrays
    judgement: Judgement
    is_late: bool

    @property
    def half(self) -> Half:
        """What it was compared with."""
        return self.key.half


@dataclass(frozen=True)
class Judging:
    """How a model's windows are judged.

    Attributes:
        policy: The model's.
        groups: The peers' group of each device; a device without one is in the group "".
        counted: Finds what a report was counted with.
        find_half: Finds what an earlier past was compared with.
        units: Gives the units of a bundle's streams.
        now_ms: Present Unix time.
    """

    policy: DriftPolicy
    groups: Mapping[str, str]
    counted: FindCounted
    find_half: FindHalf
    units: Callable[[str], Mapping[str, str]]
    now_ms: int

    def levels(self, half: Half, length_ms: int) -> Levels:
        """Return where the charts of windows of a length alarm."""
        windows = _MONTH_MS / length_ms
        tolerances = Tolerances.below(self.policy.tolerance_sd)
        return level_for(self.policy.false_alarms, half.n_charts, windows, half.whole.limits, tolerances)


def judge_window(session: Session, window: FleetWindow, judging: Judging) -> list[HalfJudgement]:
    """Judge a window within the caller's transaction, and keep what the detectors learned from it."""
    halves = half_windows(window, judging.counted, judging.groups)
    judged = [_judge_half(session, window, half, judging) for half in halves]
    return sorted(judged, key=lambda found: found.half.name)  # the features first


def _judge_half(session: Session, window: FleetWindow, own: HalfWindow, judging: Judging) -> HalfJudgement:
    half, length_ms = own.half, window.end_ms - window.start_ms
    season_ms = half.whole.season_ms
    key = PastKey(window.model, half, phases_of(season_ms, length_ms))
    arrays = replace(own.arrays, phase=phase_of(window.start_ms, season_ms, key.phases))
    names = arrays.devices.tolist()
    state = load(session, key, names, judging.find_half)
    earlier = _earlier(session, window, key)
    state, judgement = judge(state, half.reference, arrays, judging.levels(half, length_ms), earlier)
    save(session, key, state, names)
    if earlier is None:
        save_fleet(session, key, state, window.end_ms)
        _keep_fleet(session, window, key, judgement, judging)
    return HalfJudgement(key, arrays, judgement, earlier is not None)


def _earlier(session: Session, window: FleetWindow, key: PastKey) -> Judgement | None:
    row = session.get(FleetWindowRow, (window.model, key.reference, window.start_ms, window.end_ms))
    return earlier_judgement(charts_of(key.half.reference), decode_fleet(row.data)) if row is not None else None


def _keep_fleet(session: Session, window: FleetWindow, key: PastKey, judgement: Judgement, judging: Judging) -> None:
    levels = judging.levels(key.half, window.end_ms - window.start_ms)
    row = {
        "model": window.model,
        "reference": key.reference,
        "start_ms": window.start_ms,
        "end_ms": window.end_ms,
        "devices": len(judgement.devices),
        "judged_at_ms": judging.now_ms,
        "data": encode_fleet(key.half.name, judgement, levels),
    }
    upsert(session, FleetWindowRow, [row])
