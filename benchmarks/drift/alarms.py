"""Counts what a run of judgements alarmed, at several settings of the knob at once."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from detectors import Judgement, Levels
from detectors.state import OWN, PEERS
from detectors.steps import SUSPICIOUS

Bools = NDArray[np.bool_]


@dataclass
class Alarms:
    """The alarms of a fleet of devices at one level.

    Attributes:
        level: Of the own past; the peers' is higher by as much as usual.
        onsets: Verdicts that came, of all windows that were counted.
        by_channel: The same by verdict and channel.
    """

    level: float
    onsets: int = 0
    by_channel: dict[str, int] = field(default_factory=dict)
    _alarmed: Bools | None = None

    def take(self, told: Judgement, judged_at: Levels, *, counting: bool) -> Bools:
        """Take in a judgement, and return which devices have a verdict that pages, (n,)."""
        at = np.array([judged_at.own, judged_at.peers])[:, None]
        scores = np.abs(told.ratios[:, [OWN, PEERS]]) * at / (at + self.level - judged_at.own)
        before = np.zeros(scores.shape, np.bool_) if self._alarmed is None else self._alarmed
        self._alarmed = scores > np.where(before, SUSPICIOUS, 1.0)
        now, was = self._alarmed.any(axis=(1, 2)), before.any(axis=(1, 2))
        if counting:
            self.onsets += int((now & ~was).sum())
            self._name(told, self._alarmed & ~before & (now & ~was)[:, None, None])
        return now

    def _name(self, told: Judgement, new: Bools) -> None:
        for _, kind, chart in np.argwhere(new):
            name = f"{('own', 'peers')[kind]} {told.charts.channel[chart]}"
            self.by_channel[name] = self.by_channel.get(name, 0) + 1


def alarms_at(levels: Sequence[float]) -> list[Alarms]:
    """Return counters of these levels."""
    return [Alarms(level) for level in levels]
