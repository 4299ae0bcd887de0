"""Judges one window of a model's devices: all of one reference in one step of the detectors."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from sqlmodel import Session

from detectors.charts import charts_of
from detectors.judge import judge
from detectors.judgement import Judgement
from detectors.levels import Levels, level_for
from detectors.reference import Reference, lay_out
from detectors.windows import DeviceWindow, WindowArrays, stack
from device_contract.baseline import Baseline
from fleet_server.db import upsert
from fleet_server.drift.fleet_frames import decode_fleet, earlier_judgement, encode_fleet
from fleet_server.drift.halves import HALVES, Half
from fleet_server.drift.pasts import PastKey, load, save, save_fleet
from fleet_server.drift.policies import DriftPolicy
from fleet_server.drift.season import phase_of, phases_of
from fleet_server.drift.tables import FleetWindowRow
from fleet_server.drift.windows import DeviceHalf, FleetWindow

_MONTH_MS = 30 * 86_400_000


@dataclass(frozen=True, eq=False)
class HalfJudgement:
    """What was found in one half of a window, of the devices that share its reference.

    Attributes:
        half: The half.
        key: Whose pasts it was judged by.
        reference: The half, laid out.
        window: The devices' windows.
        judgement: The verdicts.
        is_late: Whether the window had been judged before, without these devices.
    """

    half: Half
    key: PastKey
    reference: Reference
    window: WindowArrays
    judgement: Judgement
    is_late: bool


class WindowJudge:
    """Judges windows of one model, within the caller's transaction.

    Args:
        session: The transaction.
        policy: How the model's devices are judged.
        groups: The peers' group of each device; a device without one is in the group "".
    """

    def __init__(self, session: Session, policy: DriftPolicy, groups: Mapping[str, str]) -> None:
        self._session = session
        self._policy = policy
        self._groups = groups

    def judge(self, window: FleetWindow) -> list[HalfJudgement]:
        """Judge a window, and keep what the detectors learned from it."""
        return [self._judge_half(window, devices) for name in HALVES for devices in window.references(name).values()]

    def _judge_half(self, window: FleetWindow, devices: Mapping[str, DeviceHalf]) -> HalfJudgement:
        half = max(devices.values(), key=lambda device: device.ordinal).half
        season_ms, length_ms = half.baseline.season_ms, window.end_ms - window.start_ms
        key = PastKey(window.model, half.name, half.reference, phases_of(season_ms, length_ms))
        reference = reference_of(half.baseline)
        names = list(devices)
        phase = phase_of(window.start_ms, season_ms, key.phases)
        arrays = stack(reference, [self._device_window(name, devices[name]) for name in names], phase)
        state = load(self._session, key, charts_of(reference), names)
        earlier = self._earlier(window, key, reference)
        state, judgement = judge(state, reference, arrays, self._levels(half, length_ms), earlier)
        save(self._session, key, state, names)
        if earlier is None:
            save_fleet(self._session, key, state, window.end_ms)
            self._keep_fleet(window, key, judgement)
        return HalfJudgement(half, key, reference, arrays, judgement, earlier is not None)

    def _device_window(self, device_id: str, own: DeviceHalf) -> DeviceWindow:
        # outputs of different versions have different references: within one there is nothing to tell apart
        return DeviceWindow(device_id, self._groups.get(device_id, ""), "", own.summary)

    def _levels(self, half: Half, length_ms: int) -> Levels:
        n_charts = charts_of(reference_of(half.baseline)).n_charts
        shared = n_charts * half.n_streams // len(half.baseline.streams)
        return level_for(self._policy.false_alarms, shared, _MONTH_MS / length_ms)

    def _earlier(self, window: FleetWindow, key: PastKey, reference: Reference) -> Judgement | None:
        row = self._session.get(FleetWindowRow, (window.model, key.stored, window.start_ms, window.end_ms))
        return earlier_judgement(charts_of(reference), decode_fleet(row.data)) if row is not None else None

    def _keep_fleet(self, window: FleetWindow, key: PastKey, judgement: Judgement) -> None:
        row = {
            "model": window.model,
            "reference": key.stored,
            "start_ms": window.start_ms,
            "end_ms": window.end_ms,
            "devices": len(judgement.devices),
            "data": encode_fleet(judgement),
        }
        upsert(self._session, FleetWindowRow, [row])


@lru_cache(maxsize=64)
def reference_of(baseline: Baseline) -> Reference:
    """Return a half, laid out; remembered, since every window needs it."""
    return lay_out(baseline)
