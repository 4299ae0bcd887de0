"""Fleets without drift: how often they alarm all the same."""

from collections.abc import Sequence
from typing import Final

from benchmarks.drift.figures import Rate
from benchmarks.drift.independent import Fleet, gaussian_reference
from benchmarks.drift.judging import SETTLING, healthy
from benchmarks.drift.series import RowFleet, World
from detectors.judge import learning_windows

FEATURES: Final = 30
DEVICES: Final = 1000
DAYS: Final = "offsets, season, weather, correlated rows and features, heavy tails; a window is a day"
FIRST_HOURS: Final = "the same; a window is an hour, of the first four days"
HOURS: Final = "the same; a window is an hour, from the fifth day on"
INDEPENDENT: Final = "independent rows, devices alike"
_A_DAY: Final = 24
_FIRST_DAYS: Final = 4
_ALL_DAYS: Final = 10
_WINDOWS: Final = 120
"""Of days, that are counted."""
_INDEPENDENT_WINDOWS: Final = 200


def days(seed: int) -> list[Rate]:
    """Judge days."""
    fleet, first = RowFleet(World(DEVICES, FEATURES), seed), learning_windows(1) + SETTLING
    return healthy({DAYS: first}, fleet.reference, fleet.windows(first + _WINDOWS))


def hours(seed: int) -> list[Rate]:
    """Judge the hours of some days, and tell those apart in which a device is hardly known."""
    fleet = RowFleet(World(DEVICES // 2, FEATURES, windows_a_day=_A_DAY), seed)
    periods = {FIRST_HOURS: learning_windows(_A_DAY) + SETTLING, HOURS: _FIRST_DAYS * _A_DAY}
    return healthy(periods, fleet.reference, fleet.windows(_ALL_DAYS * _A_DAY), phases=_A_DAY)


def independent(seed: int) -> list[Rate]:
    """Judge windows of independent rows."""
    reference, first = gaussian_reference(FEATURES, seed), learning_windows(1) + SETTLING
    windows = Fleet(reference, DEVICES).windows(first + _INDEPENDENT_WINDOWS, seed)
    return healthy({INDEPENDENT: first}, reference, windows)


def pooled(runs: Sequence[Sequence[Rate]]) -> list[Rate]:
    """Add up the alarms of several runs at each setting; each has its training sample, and so its level."""
    return [
        Rate(
            world=same[0].world,
            shown=same[0].shown,
            level=sum(rate.level for rate in same) / len(same),
            alarms=sum(rate.alarms for rate in same),
            months=sum(rate.months for rate in same),
            by_channel={
                channel: sum(rate.by_channel.get(channel, 0) for rate in same)
                for channel in sorted({channel for rate in same for channel in rate.by_channel})
            },
        )
        for same in zip(*runs, strict=True)
    ]
