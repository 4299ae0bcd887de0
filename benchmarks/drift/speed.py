"""How fast a window of a large fleet is judged: of the processor's time, on one core."""

import time
from typing import Final

from benchmarks.drift.figures import Speed
from benchmarks.drift.healthy import FEATURES
from benchmarks.drift.independent import Fleet, gaussian_reference
from benchmarks.drift.judging import MONTH
from detectors import (
    DEFAULT_RATE,
    Levels,
    Reference,
    State,
    WindowArrays,
    charts_of,
    cohorts,
    empty_state,
    judge,
    level_for,
    pack,
)
from detectors.arrays import Indices
from detectors.limits import calibrate

DEVICES: Final = 100_000
_BEFORE: Final = 2
"""Windows that are taken in before the one that is measured."""


def speed() -> Speed:
    """Judge one window."""
    reference = gaussian_reference(FEATURES, 1)
    charts = charts_of(reference)
    started = time.process_time()
    limits = calibrate(reference)
    calibrated = time.process_time()
    levels = level_for(DEFAULT_RATE, charts.n_charts, MONTH, limits)
    *before, last = Fleet(reference, DEVICES).windows(_BEFORE + 1, 2)
    split = cohorts(last.groups, last.versions)
    states = [empty_state(charts)] * len(split)
    for window in before:
        states = [_judged(*one, reference, window, levels) for one in zip(states, split, strict=True)]
    start = time.process_time()
    for one in zip(states, split, strict=True):
        _judged(*one, reference, last, levels)
    seconds = time.process_time() - start
    past_bytes = len(pack(states[0].pasts.select(slice(1)))[0])
    return Speed(DEVICES, FEATURES, seconds, calibrated - started, past_bytes)


def _judged(state: State, places: Indices, reference: Reference, window: WindowArrays, levels: Levels) -> State:
    return judge(state, reference, window.select(places), levels)[0]
