"""Fleets without drift: how often they alarm all the same."""

from collections.abc import Iterator
from typing import Final

from benchmarks.drift.figures import Rate
from benchmarks.drift.independent import Fleet, gaussian_reference
from benchmarks.drift.judging import healthy
from benchmarks.drift.series import RowFleet, World

FEATURES: Final = 30
DEVICES: Final = 1000
DAYS: Final = "offsets, season, weather, correlated rows and features, heavy tails; a window is a day"
HOURS: Final = "the same; a window is an hour"
INDEPENDENT: Final = "independent rows, devices alike"
_SEEDS: Final = (14, 15, 16)


def rates() -> Iterator[Rate]:
    """Judge fleets of each kind; those of days several times, since alarms are rare."""
    yield from pooled([_days(seed) for seed in _SEEDS])
    fleet = RowFleet(World(DEVICES // 2, FEATURES, windows_a_day=24), 17)
    yield from healthy(HOURS, fleet.reference, fleet.windows(90), phases=24)
    reference = gaussian_reference(FEATURES, 1)
    yield from healthy(INDEPENDENT, reference, Fleet(reference, DEVICES).windows(200, 3))


def _days(seed: int) -> list[Rate]:
    fleet = RowFleet(World(DEVICES, FEATURES), seed)
    return healthy(DAYS, fleet.reference, fleet.windows(90))


def pooled(runs: list[list[Rate]]) -> Iterator[Rate]:
    """Add up the alarms of several runs at each setting."""
    for same in zip(*runs, strict=True):
        channels = sorted({channel for rate in same for channel in rate.by_channel})
        yield Rate(
            world=same[0].world,
            shown=same[0].shown,
            level=same[0].level,
            alarms=sum(rate.alarms for rate in same),
            months=sum(rate.months for rate in same),
            by_channel={channel: sum(rate.by_channel.get(channel, 0) for rate in same) for channel in channels},
        )
