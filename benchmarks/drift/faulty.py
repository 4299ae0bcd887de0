"""Fleets of which a twentieth breaks: how long it takes until the broken devices are named."""

from typing import Final

import numpy as np

from benchmarks.drift.faults import Fault, Outbreak, outbreak_of
from benchmarks.drift.figures import Found, Step
from benchmarks.drift.healthy import FEATURES, INDEPENDENT
from benchmarks.drift.independent import Fleet, gaussian_reference
from benchmarks.drift.judging import broken, levels_of
from benchmarks.drift.series import RowFleet, World
from detectors import DEFAULT_RATE, charts_of, empty_state, judge
from detectors.state import OWN, PEERS

DEVICES: Final = 500
SINCE: Final = 30
AFTER: Final = 20
FAULTS: Final = (
    ("shift of 0.1 sd", 5, Fault(shift=0.1)),
    ("shift of 0.25 sd", 2, Fault(shift=0.25)),
    ("variance x 1.2", 5, Fault(gain=1.2**0.5)),
    ("new mode of 2 %", 4, Fault(mode=0.02)),
    ("gain of 1.5", 2, Fault(gain=1.5)),
    ("stuck", 2, Fault(stuck=1.0)),
    ("stuck for half of the window", 2, Fault(stuck=0.5)),
    ("20 % of the values missing", 2, Fault(missing=0.2)),
    ("all values missing", 2, Fault(missing=1.0)),
)
SEASONAL: Final = "offsets, season by the hour, rows that resemble each other (100 effective)"
_DAYS: Final = 14
_STEP: Final = 0.3


def independent(seed: int) -> list[Found]:
    """Break independent streams, one kind of fault after the other."""
    reference = gaussian_reference(FEATURES, seed)
    found: list[Found] = []
    for what, allowed, fault in FAULTS:
        outbreak = outbreak_of(fault, SINCE, (DEVICES, FEATURES), seed)
        windows = Fleet(reference, DEVICES).windows(SINCE + AFTER, seed, outbreak)
        found += broken((what, INDEPENDENT, allowed), reference, windows, outbreak)
    return found


def seasonal(seed: int) -> tuple[Found, Step]:
    """Shift a twentieth of a fleet that has been learned for two weeks; two days later all of it."""
    devices, features, since = 400, 10, 24 * _DAYS
    world = World(devices, features, (0.82,), 1000, 1001, windows_a_day=24, weather=0.0, shared=0.0, heavy=0.0)
    fleet = RowFleet(world, seed)
    shifted = outbreak_of(Fault(shift=0.4), since, (devices, features), seed, each=1)
    everyone = np.broadcast_to(np.arange(features), (devices, features))
    step = Outbreak(Fault(shift=_STEP), since + 48, np.arange(devices), everyone)
    levels = levels_of(fleet.reference)[DEFAULT_RATE]
    state, named, verdicts = empty_state(charts_of(fleet.reference), 24), [], []
    for window in fleet.windows(since + 72, (shifted, step)):
        state, told = judge(state, fleet.reference, window, levels)
        named.append(told.alarmed[:, (OWN, PEERS)].any(axis=(1, 2)))
        verdicts.append(bool((told.fleet_words == "drift").any()))
    told_of = np.array(named)
    after = told_of[since : since + 48, shifted.devices]
    delays = np.where(after.any(axis=0), after.argmax(axis=0) + 1, 0)
    healthy = np.delete(told_of, shifted.devices, axis=1)
    false = int(healthy[24 : step.since].any(axis=0).sum())
    came = np.flatnonzero(np.diff(verdicts[step.since - 1 :], prepend=False))
    new = healthy[step.since :].any(axis=0) & ~healthy[step.since - 1]
    found = Found("shift of 0.4 sd", SEASONAL, 4, DEFAULT_RATE, tuple(delays.tolist()), false)
    return found, Step(_STEP, devices, -(-len(came) // 2), int(new.sum()))
