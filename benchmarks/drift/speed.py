"""How fast a window of a large fleet is judged: of the processor's time, on one core."""

import time
from typing import Final

from benchmarks.drift.figures import Speed
from benchmarks.drift.healthy import FEATURES
from benchmarks.drift.independent import Fleet, gaussian_reference
from benchmarks.drift.judging import MONTH
from detectors import DEFAULT_RATE, charts_of, empty_state, judge, level_for, pack
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
    state = empty_state(charts)
    *before, last = Fleet(reference, DEVICES).windows(_BEFORE + 1, 2)
    for window in before:
        state, _ = judge(state, reference, window, levels)
    start = time.process_time()
    state, _ = judge(state, reference, last, levels)
    seconds = time.process_time() - start
    past_bytes = len(pack(state.pasts.select(slice(1)))[0])
    return Speed(DEVICES, FEATURES, seconds, calibrated - started, past_bytes)
