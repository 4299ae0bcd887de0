"""Leeway on simulated rows: the device's own sketches, and the detectors with their defaults."""

import array
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.drift.rows import Floats, Simulated
from compiler.baseline import build_baseline
from detectors import (
    DEFAULT_RATE,
    DeviceWindow,
    Judgement,
    Reference,
    WindowArrays,
    charts_of,
    empty_state,
    judge,
    lay_out,
    level_for,
    stack,
)
from detectors.state import OWN, PEERS
from device_contract.baseline import Baseline
from device_contract.manifest import Feature, Output
from device_contract.sketches import RowSummarizer, WindowSummary

_DAY: Final = 24
_MONTH: Final = 30 * _DAY

Alarms = NDArray[np.bool_]


def alarms(given: Simulated, judged: int) -> Alarms:
    """Judge every window in turn.

    Args:
        given: The rows.
        judged: The first window that is told of; the ones before are the devices' past.

    Returns:
        Whether the verdict against the own past or the peers names the feature,
        (n_devices, n_windows - judged, n_features).
    """
    baseline = _baseline(given.reference)
    reference = lay_out(baseline)
    state = empty_state(charts_of(reference), phases=_DAY)
    levels = level_for(DEFAULT_RATE, charts_of(reference).n_charts, _MONTH)
    summaries = [_summaries(baseline, device) for device in given.rows]
    told = []
    for place, window in enumerate(zip(*summaries, strict=True)):
        state, judgement = judge(state, reference, _stacked(reference, window, place % _DAY), levels)
        told.append(_named(judgement, given.rows.shape[-1]))
    return np.stack(told, axis=1)[:, judged:]


def _baseline(reference: Floats) -> Baseline:
    features = tuple(Feature(name=f"feature_{index}") for index in range(reference.shape[1]))
    score = reference.mean(axis=1, keepdims=True)
    return build_baseline(features, (Output(name="score"),), reference.astype(np.float32), score)


def _summaries(baseline: Baseline, windows: Floats) -> list[WindowSummary]:
    summarizer = RowSummarizer(baseline)
    taken = []
    for window in windows.astype(np.float32):
        for row in window:
            summarizer.update(row, array.array("d", [float(row.mean())]))
        taken.append(summarizer.take())
    return taken


def _stacked(reference: Reference, window: Sequence[WindowSummary], phase: int) -> WindowArrays:
    devices = [DeviceWindow(f"device-{place:03}", "", "1", summary) for place, summary in enumerate(window)]
    return stack(reference, devices, phase)


def _named(judgement: Judgement, features: int) -> Alarms:
    """Return which features the paging verdicts name, (n_devices, n_features)."""
    paging = judgement.alarmed[:, (OWN, PEERS)].any(axis=1)
    columns = [judgement.charts.stream == feature for feature in range(features)]
    return np.stack([paging[:, column].any(axis=1) for column in columns], axis=1)
