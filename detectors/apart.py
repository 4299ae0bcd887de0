"""Does a device stand apart from its group now, whatever it did before?

Each chart's difference from the group's median is gathered by a moving average and held
against the spread of such differences between the devices: a sensor that was wrong from the
day it was mounted shows here, where its own past cannot tell.
"""

from typing import Final

import numpy as np

from detectors.arrays import Floats, Places
from detectors.channels import Answers
from detectors.ewma import CAP, WEIGHT, as_normal
from detectors.peers import MINIMUM, are_enough, common, middle, spread
from detectors.tolerances import beyond

_PRIOR_SPREAD: Final = 0.05
_PRIOR_FREEDOM: Final = 4.0
_SETTLED: Final = 3.0
"""Windows after which one wild window moves an average no further than ``CAP`` lets it."""
_MAD_EFFICIENCY: Final = 0.37
"""Of the median absolute deviation, for Gaussian differences."""


def positions(answers: Answers) -> tuple[Floats, Floats]:
    """Return every chart's value and its sampling variance, (n, K); a share as its arc sine.

    Source: Anscombe, The transformation of Poisson, binomial and negative-binomial data, 1948,
        doi:10.1093/biomet/35.3-4.246.
    """
    found = answers.counted
    share = np.clip((found.count + 0.375) / (found.trials + 0.75), 0.0, 1.0)
    told = found.trials > 0.0
    variance = np.where(told, found.effect / (4.0 * found.trials + 2.0), np.inf)
    value = np.where(told, np.arcsin(np.sqrt(share)), 0.0)
    vectors = np.zeros((len(share), answers.shares.rows.shape[1] + 1), np.float32)  # they have no place of their own
    values, variances = [answers.value, value, vectors], [answers.variance, variance, np.full_like(vectors, np.inf)]
    return np.concatenate(values, axis=1), np.concatenate(variances, axis=1)


def take_apart(average: Floats, windows: Floats, value: Floats, variance: Floats, places: Places) -> Floats:
    """Take a window into the moving averages of the differences from the group's median.

    Args:
        average: (n, K), before.
        windows: (n, 1), windows in it.
        value: (n, K), of the window.
        variance: (n, K), of the value as it usually varies; infinite where the window says nothing.
        places: The devices of each group.
    """
    known = np.isfinite(variance)
    weight = np.maximum(WEIGHT, 1.0 / (windows + 1.0))
    after = average.copy()
    for group in places:
        if len(group) < MINIMUM:  # among so few, or alone because it is late, nobody stands apart
            continue
        told = known[group]
        told &= are_enough(told)
        held = np.where(told, value[group], 0.0)
        move = held - common(held, told) - after[group]
        most = np.where(windows[group] >= _SETTLED, CAP * np.sqrt(np.where(told, variance[group], 0.0)), np.inf)
        after[group] += np.where(told, weight[group] * np.clip(move, -most, most), 0.0)
    return after


def take_rows(apart_rows: Floats, windows: Floats, rows: Floats) -> Floats:
    """Take the size of a window into what is known of the averages' sampling variance.

    Args:
        apart_rows: (n, 1), before: the variance as part of that of a window of one row.
        windows: (n, 1), windows in it.
        rows: (n, 1), of the window.
    """
    weight = np.where(rows > 0.0, np.maximum(WEIGHT, 1.0 / (windows + 1.0)), 0.0)
    return (1.0 - weight) ** 2 * apart_rows + weight**2 / np.maximum(rows, 1.0)


def apart_ratios(average: Floats, noise: Floats, tolerance: Floats, places: Places) -> Floats:
    """Return how far each average is from the group's, in standard deviations between devices, (n, K).

    It is NaN where a device is compared with nobody: its window says nothing, or its group is too small.

    Args:
        average: (n, K), after the window.
        noise: (n, K), its variance by sampling; infinite where the window says nothing.
        tolerance: (K,), differences that do not matter.
        places: The devices of each group.
    """
    known = np.isfinite(noise)
    noise = np.where(known, noise, 0.0)
    ratios = np.full_like(average, np.nan)
    for group in places:
        if len(group) >= MINIMUM:
            told, of_group, sampling = known[group], average[group], noise[group]
            told &= are_enough(told)
            held = np.where(told, of_group, np.nan)
            between = np.maximum(spread(held) ** 2 - middle(np.where(told, sampling, np.nan)), 0.0)
            freedom = _MAD_EFFICIENCY * (told.sum(axis=0, dtype=np.float32) - 1.0).clip(0.0)
            between = (freedom * between + _PRIOR_FREEDOM * _PRIOR_SPREAD**2) / (freedom + _PRIOR_FREEDOM)
            ratio = np.where(told, beyond(of_group, tolerance) / np.sqrt(between + sampling), np.nan)
            ratios[group] = as_normal(ratio, freedom + _PRIOR_FREEDOM)
    return ratios
