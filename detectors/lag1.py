"""How much neighbouring rows of each stream of each device resemble each other.

One window of an autocorrelated stream tells it badly, so each device's windows are averaged,
with the median of the devices as a start. Of a stream that is alarmed nothing is learned: rows
that have come to resemble each other count as few, and the alarm would fade by itself.
"""

from dataclasses import replace
from typing import Final

import numpy as np

from detectors.arrays import Floats
from detectors.charts import Charts
from detectors.design_effect import without_bias
from detectors.peers import middle
from detectors.state import OWN, DevicePasts
from detectors.windows import WindowArrays

_FEWEST_ROWS: Final = 20.0
_MOST_ROWS: Final = 60_000.0
_START: Final = 30.0
"""Rows that the devices' median is worth."""


def learn_lag1(charts: Charts, pasts: DevicePasts, window: WindowArrays) -> tuple[DevicePasts, Floats]:
    """Take in a window, and return each stream's correlation as now known, (n, S)."""
    rows = window.finite
    told = (rows >= _FEWEST_ROWS) & (window.deviation > 0.0) & window.sound[:, None]
    told &= ~charts.any_of_stream(pasts.alarmed_against(OWN))
    weight = np.where(told, rows, 0.0)
    seen = pasts.lag1_rows + weight
    mean = pasts.lag1 + weight * (without_bias(window.lag1, rows) - pasts.lag1) / np.maximum(seen, 1.0)
    typical = middle(np.where(seen > 0.0, mean, np.nan))
    correlation = (mean * seen + typical * _START) / (seen + _START)
    kept = np.minimum(seen, _MOST_ROWS)
    learned = replace(pasts, lag1=mean.astype(np.float32), lag1_rows=kept.astype(np.float32))
    return learned, np.clip(correlation, 0.0, 1.0)
