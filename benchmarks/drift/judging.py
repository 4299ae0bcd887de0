"""Judges the windows of a simulated fleet, and tells what alarmed at each setting of the knob."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from benchmarks.drift.alarms import Alarms
from benchmarks.drift.faults import Outbreak
from benchmarks.drift.figures import Found, Rate
from detectors import DEFAULT_RATE, Levels, Reference, WindowArrays, charts_of, empty_state, judge, level_for
from detectors.limits import calibrate

KNOB: Final = (500.0, 150.0, 50.0, 15.0, 5.0, 1.5, 0.5, DEFAULT_RATE)
"""Settings: expected false alarms for each 1000 devices in a month of 30 windows."""
MONTH: Final = 30
SETTLING: Final = 10
"""Windows after learning that are not counted: the moving averages start at nothing."""

Bools = NDArray[np.bool_]


def levels_of(reference: Reference) -> dict[float, Levels]:
    """Return the levels of each setting."""
    charts, limits = charts_of(reference), calibrate(reference)
    return {rate: level_for(rate, charts.n_charts, MONTH, limits) for rate in KNOB}


def healthy(
    periods: Mapping[str, int], reference: Reference, windows: Iterable[WindowArrays], phases: int = 1
) -> list[Rate]:
    """Count the false alarms of a fleet without drift, in each period at each setting.

    Args:
        periods: The first window of each, in order; those before it are not counted.
        reference: Of the fleet.
        windows: Of the fleet.
        phases: Windows in a season.
    """
    levels = levels_of(reference)
    alarms = {rate: Alarms(level.own) for rate, level in levels.items()}
    state, judged = empty_state(charts_of(reference), phases), dict.fromkeys(periods, 0)
    for place, window in enumerate(windows):
        state, told = judge(state, reference, window, levels[DEFAULT_RATE])
        period = next((name for name, first in reversed(periods.items()) if place >= first), "")
        if period:
            judged[period] += len(window.devices)
        for one in alarms.values():
            one.take(told, levels[DEFAULT_RATE], period)
    return [
        Rate(period, rate, one.level, one.onsets[period], count / 1000.0 / MONTH, one.by_channel.get(period, {}))
        for period, count in judged.items()
        for rate, one in alarms.items()
    ]


def broken(
    fault: tuple[str, str, int],
    reference: Reference,
    windows: Iterable[WindowArrays],
    outbreak: Outbreak,
) -> list[Found]:
    """Measure how long it takes until broken devices are named, at each setting.

    Args:
        fault: What it is, how the fleet behaves, and the windows that are allowed.
        reference: Of the fleet.
        windows: Of the fleet.
        outbreak: What is broken, and since when.
    """
    levels = levels_of(reference)
    alarms = {rate: Alarms(level.own) for rate, level in levels.items()}
    named: dict[float, list[Bools]] = {rate: [] for rate in KNOB}
    state = empty_state(charts_of(reference))
    for window in windows:
        state, told = judge(state, reference, window, levels[DEFAULT_RATE])
        for rate, one in alarms.items():
            named[rate].append(one.take(told, levels[DEFAULT_RATE]))
    return [_found(fault, rate, np.array(named[rate]), outbreak) for rate in KNOB]


def _found(fault: tuple[str, str, int], rate: float, named: Bools, outbreak: Outbreak) -> Found:
    after = named[outbreak.since :, outbreak.devices]
    delays = np.where(after.any(axis=0), after.argmax(axis=0) + 1, 0)
    others = np.delete(named[outbreak.since - SETTLING :], outbreak.devices, axis=1)
    return Found(*fault, rate, tuple(delays.tolist()), int(others.any(axis=0).sum()))


def pooled(runs: Sequence[Sequence[Found]]) -> list[Found]:
    """Put together what several runs found of the same faults."""
    return [
        msgspec.structs.replace(
            same[0],
            delays=tuple(delay for found in same for delay in found.delays),
            false=sum(found.false for found in same),
        )
        for same in zip(*runs, strict=True)
    ]
