"""Calibrates levels by Monte Carlo, from a bundle's own bins: made when it is compiled, and signed with it.

Windows without drift are drawn from the bins of training and scored by the channels
themselves. The scores of a channel make the steps of its moving average; how often that
crosses a level follows from them as a Markov chain, whose quasi-stationary state leaks at that
rate. So alarms that come once in a hundred million windows need only as many draws as show
the scores that they are made of, some three standard deviations out.

Source: Brook and Evans, An approach to the probability distribution of CUSUM run length, 1972,
    doi:10.1093/biomet/59.3.539.
"""

from dataclasses import replace
from typing import Final

import numpy as np

from detectors.arrays import Floats
from detectors.channels import answers
from detectors.charts import BY_STREAM, Charts, charts_of
from detectors.counted import N_TAILS, usual_shares
from detectors.ewma import CAP, SPREAD, WEIGHT
from detectors.reference import Reference
from detectors.shape import shape_scores
from detectors.shares import share_scores
from detectors.tolerances import DEFAULT
from detectors.windows import checked, empty_tables
from device_contract.limits import Limits

FAMILY: Final = "device"
"""The one family of levels: its rates are false alarms of a device in a window, over all charts."""
_LEVELS: Final = np.arange(2.5, 7.01, 0.5)
_STREAMS: Final = 8
"""Streams that are drawn for, spread over all."""
_DRAWS: Final = 4000
"""Windows of each of them."""
_ROWS: Final = (200, 2000)
"""Of a window: log-uniform between these."""
_KNOWN: Final = 1e6
"""Rows of the past that a drawn window is held against."""
_STATES: Final = 161
_STEPS: Final = 60


def calibrate(reference: Reference, seed: int = 0) -> Limits:
    """Return how often a healthy device alarms at each level.

    Args:
        reference: Of the bundle's baseline.
        seed: Of the draws; the same bins and seed give the same limits.
    """
    charts = charts_of(reference)
    drawn = _scores(reference, charts, np.random.default_rng(seed))
    rates = np.zeros(len(_LEVELS))
    for channel, scores in drawn.items():
        number = int((charts.channel == channel).sum())
        lowest = float(charts.lowest[charts.channel == channel][0])
        rates += number * np.array([crossing_rate(scores, level, lowest) for level in _LEVELS])
    rates = np.maximum(np.minimum.accumulate(rates), 1e-300)
    # three digits are what the draws tell, and more than differs between machines
    told = tuple(float(f"{rate:.3g}") for rate in rates)
    return Limits(rates=told, families=(FAMILY,), levels=(tuple(_LEVELS.tolist()),))


def crossing_rate(scores: Floats, level: float, lowest: float = -np.inf) -> float:
    """Return how often a moving average of such scores crosses a level, in a window.

    Args:
        scores: Draws of independent scores.
        level: In standard deviations of the average.
        lowest: Below which the average does not fall.
    """
    if not len(scores):
        return 0.0
    ordered = np.sort(np.clip(scores, -CAP, CAP))
    bound = level * SPREAD
    floor = max(lowest, -bound)
    edges = np.linspace(floor, bound, _STATES + 1)
    at = (edges[1:] + edges[:-1]) / 2.0
    needed = (edges[None, :] - (1.0 - WEIGHT) * at[:, None]) / WEIGHT
    below = np.searchsorted(ordered, needed, side="right") / len(ordered)
    moves = np.diff(below, axis=1)
    leak = 1.0 - below[:, -1]
    if lowest > -bound:
        moves[:, 0] += below[:, 0]
    else:
        leak = leak + below[:, 0]
    state = np.exp(-((at / SPREAD) ** 2) / 2.0)
    for _ in range(_STEPS):
        state = state @ moves
        state /= state.sum()
    return float(state @ leak)


def _scores(reference: Reference, charts: Charts, numbers: np.random.Generator) -> dict[str, Floats]:
    """Draw windows of independent rows and score them, by channel."""
    chosen = np.unique(np.linspace(0, charts.n_streams - 1, _STREAMS).astype(np.intp))
    part = reference.select(chosen)
    rows = np.exp(numbers.uniform(np.log(_ROWS[0]), np.log(_ROWS[1]), _DRAWS)).astype(np.int64)
    counts = numbers.multinomial(rows[:, None], part.shares)
    tables = empty_tables(part, np.full((_DRAWS, 3), "", dtype="<U1"))
    window = checked(replace(tables, rows=rows.astype(np.float32), counts=counts.astype(np.float32)))
    found = answers(part, window, np.zeros((_DRAWS, len(chosen))))
    told = {}
    for place, channel in enumerate(BY_STREAM):
        columns = slice(place * len(chosen), (place + 1) * len(chosen))
        value, variance = found.value[:, columns], found.variance[:, columns]
        told[channel] = (value / np.sqrt(variance))[np.isfinite(variance)]
    usual = usual_shares(part)[: N_TAILS * len(chosen)]
    every, usual = rows[:, None].astype(np.float64), np.maximum(usual, 1e-9)
    count = found.counted.count[:, : len(usual)]
    tails = share_scores(count, every, usual * _KNOWN, (1.0 - usual) * _KNOWN)
    low, high = np.split(tails, N_TAILS, axis=1)
    inner = part.shares * part.inner
    expected = (inner / np.maximum(inner.sum(axis=1, keepdims=True), 1e-9)).astype(np.float32)
    shape = shape_scores(part, found.shares, expected, np.full(len(chosen), _KNOWN), DEFAULT.shape)
    return told | {"low_tail": low.ravel(), "high_tail": high.ravel(), "shape": shape[~np.isnan(shape)]}
