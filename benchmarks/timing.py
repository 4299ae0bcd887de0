"""How contenders are timed: in turns, in one process, by the processor's time.

Each contender runs a *stretch* of calls, then the next one does, round after round, so that
a slow moment of the machine meets all of them. A figure is the median over the rounds. The
clock is the process's processor time: it does not run while another process has the
processor, and it counts every thread, so that nobody gains by starting more of them.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

Stretch = Callable[[int], float]
"""Makes that many calls; returns the seconds of processor time that they took."""

_GROWTH = 4
_LONG_S = 1.0
"""A first call that takes longer tells enough; a shorter one may have set things up."""


@dataclass(frozen=True)
class Pace:
    """How long to measure.

    Attributes:
        rounds: Turns of each contender.
        round_s: Length of a turn; a call that takes longer is made once a turn.
        limit_s: Fewer rounds are made where all of them would take longer.
    """

    rounds: int
    round_s: float
    limit_s: float


def stopwatch(call: Callable[[Any], object], arguments: Sequence[Any]) -> Stretch:
    """Return a stretch that calls a function with each of the arguments in turn, over and over."""

    def stretch(calls: int) -> float:
        passes, rest = divmod(calls, len(arguments))
        chosen = [*arguments] * passes + [*arguments[:rest]]
        start = time.process_time()
        for argument in chosen:
            call(argument)
        return time.process_time() - start

    return stretch


def take_turns(stretches: Mapping[str, Stretch], pace: Pace) -> dict[str, float]:
    """Return the median seconds of one call of each contender."""
    calls, costs = {}, {}
    for name, stretch in stretches.items():
        calls[name], costs[name] = _calibrated(stretch, pace.round_s)
    affordable = int(pace.limit_s / sum(costs.values()))
    rounds = max(1, min(pace.rounds, affordable))
    taken: dict[str, list[float]] = {name: [] for name in stretches}
    for _ in range(rounds):
        for name, stretch in stretches.items():
            taken[name].append(stretch(calls[name]) / calls[name])
    return {name: median(seconds) for name, seconds in taken.items()}


def _calibrated(stretch: Stretch, round_s: float) -> tuple[int, float]:
    """Return how many calls fill a turn, and the seconds that they take."""
    if (first := stretch(1)) > _LONG_S:
        return 1, first
    calls = 1
    while (seconds := stretch(calls)) < round_s / _GROWTH:
        calls *= _GROWTH
    return max(1, round(calls * round_s / seconds)), max(round_s, seconds / calls)
