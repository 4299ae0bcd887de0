"""Judges one window of a model's devices: those of one reference in one step of the detectors, or a cohort of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from sqlmodel import Session

from detectors import FleetPast, Judgement, Levels, Tolerances, WindowArrays, charts_of, join_groups, judge, level_for
from fleet_server.db import upsert
from fleet_server.drift.fleet_frames import decode_fleet, earlier_judgement, encode_fleet
from fleet_server.drift.halves import Half
from fleet_server.drift.pasts import FindHalf, PastKey, load, load_fleet, save, save_fleet
from fleet_server.drift.policies import DriftPolicy
from fleet_server.drift.season import phase_of, phases_of
from fleet_server.drift.tables import FleetWindowRow
from fleet_server.drift.windows import FindCounted, FleetWindow, HalfWindow, half_windows, split

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


@dataclass(eq=False)
class _Fleet:
    """What the cohorts of a window have in common, of those that share a reference."""

    key: PastKey
    no_devices: WindowArrays
    past: FleetPast
    earlier: Judgement | None
    """What was found when the window was first judged; None if this is the first time."""
    told: list[Judgement] = field(default_factory=list)
    """What was found of each cohort so far, without its devices."""

    @property
    def groups(self) -> frozenset[str]:
        """Those that a cohort had."""
        return frozenset(name for judgement in self.told for name in judgement.groups)


class WindowJudge:
    """Judges one window: a cohort of its devices after the other, each within a transaction of the caller.

    Args:
        window: All of it that waits.
        judging: How the model's windows are judged.
    """

    def __init__(self, window: FleetWindow, judging: Judging) -> None:
        self.window = window
        self.judging = judging
        self._fleets: dict[str, _Fleet] = {}

    def cohorts(self) -> list[FleetWindow]:
        """Return each cohort's part of the window."""
        return split(self.window, self.judging.groups)

    def judge(self, session: Session, cohort: FleetWindow) -> list[HalfJudgement]:
        """Judge a cohort, and keep what the detectors learned of its devices.

        Returns:
            What was found, the features first.
        """
        halves = half_windows(cohort, self.judging.counted, self.judging.groups)
        judged = [self._judge(session, half) for half in halves]
        return sorted(judged, key=lambda found: found.half.name)

    def groups(self, session: Session) -> list[HalfJudgement]:
        """Keep what the cohorts have in common, and return what was found of each group, the features first.

        Late devices tell nothing of their groups.
        """
        found = []
        for fleet in self._fleets.values():
            if fleet.earlier is None:
                judgement = join_groups(fleet.told)
                save_fleet(session, fleet.key, fleet.past, self.window.end_ms)
                self._keep(session, fleet.key, judgement)
                found.append(HalfJudgement(fleet.key, fleet.no_devices, judgement, is_late=False))
        return sorted(found, key=lambda one: one.half.name)

    def _judge(self, session: Session, own: HalfWindow) -> HalfJudgement:
        half, length_ms = own.half, self.window.end_ms - self.window.start_ms
        season_ms = half.whole.season_ms
        key = PastKey(self.window.model, half, phases_of(season_ms, length_ms), self.judging.policy.group_label)
        arrays = replace(own.arrays, phase=phase_of(self.window.start_ms, season_ms, key.phases))
        fleet = self._fleet(session, key, arrays)
        state = load(session, key, arrays.devices.tolist(), self.judging.find_half)
        levels = self.judging.levels(half, length_ms)
        state = replace(state, fleet=fleet.past)
        state, judgement = judge(state, half.reference, arrays, levels, fleet.earlier, following=fleet.groups)
        save(session, key, state)
        fleet.past = state.fleet
        fleet.told.append(judgement.of_groups())
        return HalfJudgement(key, arrays, judgement, fleet.earlier is not None)

    def _fleet(self, session: Session, key: PastKey, arrays: WindowArrays) -> _Fleet:
        if key.half.digest not in self._fleets:
            none = arrays.select(np.zeros(0, np.intp))
            past = load_fleet(session, key)
            self._fleets[key.half.digest] = _Fleet(key, none, past, _earlier(session, self.window, key))
        return self._fleets[key.half.digest]

    def _keep(self, session: Session, key: PastKey, judgement: Judgement) -> None:
        levels = self.judging.levels(key.half, self.window.end_ms - self.window.start_ms)
        row = {
            "model": key.model,
            "reference": key.reference,
            "start_ms": self.window.start_ms,
            "end_ms": self.window.end_ms,
            "devices": int(judgement.sizes.sum()),
            "judged_at_ms": self.judging.now_ms,
            "data": encode_fleet(key.half.name, judgement, levels),
        }
        upsert(session, FleetWindowRow, [row])


def _earlier(session: Session, window: FleetWindow, key: PastKey) -> Judgement | None:
    row = session.get(FleetWindowRow, (window.model, key.reference, window.start_ms, window.end_ms))
    return earlier_judgement(charts_of(key.half.reference), decode_fleet(row.data)) if row is not None else None
