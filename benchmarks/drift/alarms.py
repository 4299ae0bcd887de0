"""Counts what a run of judgements alarmed, at several settings of the knob at once."""

from collections import Counter
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
        onsets: Verdicts that came, by the period in which they did.
        by_channel: The same by period, verdict and channel.
    """

    level: float
    onsets: Counter[str] = field(default_factory=Counter)
    by_channel: dict[str, Counter[str]] = field(default_factory=dict)
    _alarmed: Bools | None = None

    def take(self, told: Judgement, judged_at: Levels, period: str = "") -> Bools:
        """Take in a judgement, and return which devices have a verdict that pages, (n,).

        Args:
            told: The judgement.
            judged_at: Its levels.
            period: Under whose name alarms that come now are counted; if empty they are not.
        """
        at = np.array([judged_at.own, judged_at.peers])[:, None]
        scores = np.abs(told.ratios[:, [OWN, PEERS]]) * at / (at + self.level - judged_at.own)
        before = np.zeros(scores.shape, np.bool_) if self._alarmed is None else self._alarmed
        self._alarmed = scores > np.where(before, SUSPICIOUS, 1.0)
        now, was = self._alarmed.any(axis=(1, 2)), before.any(axis=(1, 2))
        if period:
            self.onsets[period] += int((now & ~was).sum())
            self._name(told, self._alarmed & ~before & (now & ~was)[:, None, None], period)
        return now

    def _name(self, told: Judgement, new: Bools, period: str) -> None:
        counts = self.by_channel.setdefault(period, Counter())
        counts.update(f"{('own', 'peers')[kind]} {told.charts.channel[chart]}" for _, kind, chart in np.argwhere(new))
