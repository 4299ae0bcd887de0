"""Do the devices with the new version still score like those without? A test that may be looked at any time.

The unit is the **device**: the rows of one device resemble each other, so counting rows as
if they were independent aborts nearly half of all good rollouts. For each device the mean
of its windows since the change, less its own mean before, is compared between canary and
control (difference in differences): a site that always differed, a season and a change that
meets everyone cancel out.

The difference at look *t*, over all windows so far, has the covariance of a Brownian motion
observed at information ``1 / variance(t)``, because ``cov(D_s, D_t) = var(D_t)`` for
``s < t``. A normal mixture over its drift gives a martingale under "no difference", and from
it an interval that covers the truth at **all** looks together with probability ``1 - alpha``::

    half width = sqrt(V (V + m) / m * ln((V + m) / (V alpha²))),   m = mixture_deviation²

So one may look after every window and stop at the first decision. No difference found is not
a difference excluded: only an interval inside the tolerance passes.

Source: Robbins, Statistical methods related to the law of the iterated logarithm, 1970,
    doi:10.1214/aoms/1177696786; Lindon and Malek, Anytime-valid inference for multinomial
    count data, arXiv:2011.03567.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Verdict = Literal["pass", "fail", "inconclusive"]

MINIMUM_DEVICES = 20
"""On each side: with fewer the variance between devices is a guess."""


@dataclass(frozen=True)
class DeviceSeries:
    """One side of the comparison; every number in the same unit, NaN where a device sent nothing.

    Args:
        before: Each device's mean before the change, (n_devices,).
        after: Each device's mean in each window since, (n_devices, n_looks).
    """

    before: Floats
    after: Floats


@dataclass(frozen=True)
class Tolerance:
    """What the operator bears.

    Args:
        difference: Largest difference that is harmless, above 0, in the unit of the series.
        alpha: Probability that the interval ever misses the truth: bounds the good versions
            that fail and the bad ones that pass.
        mixture_deviation: Size of the differences that the test is keenest on, in that unit.
    """

    difference: float
    alpha: float
    mixture_deviation: float


@dataclass(frozen=True)
class Look:
    """What the windows so far say.

    Args:
        verdict: ``inconclusive`` extends the wave; it never promotes.
        difference: Canary less control, each less its own past; NaN without data.
        low: Lower end of the anytime-valid interval.
        high: Upper end.
        canaries: Devices of the canary that count.
        controls: Devices of the control that count.
    """

    verdict: Verdict
    difference: float
    low: float
    high: float
    canaries: int
    controls: int


def looks(canary: DeviceSeries, control: DeviceSeries, tolerance: Tolerance) -> list[Look]:
    """Look after each window, up to the first decision.

    Args:
        canary: The devices with the new version.
        control: Those that kept the old one, at the same time.
        tolerance: What is borne.

    Returns:
        The looks in order; the last one tells the outcome. None where there is no window.
    """
    taken: list[Look] = []
    for changes in zip(_changes(canary), _changes(control), strict=True):
        taken.append(_look(*changes, tolerance))
        if taken[-1].verdict != "inconclusive":
            break
    return taken


def _changes(side: DeviceSeries) -> list[Floats]:
    """Return for each look the changes of the devices that have a past and a present."""
    seen = np.isfinite(side.after)
    sums = np.cumsum(np.where(seen, side.after, 0.0), axis=1)
    windows = np.cumsum(seen, axis=1)
    changes = sums / np.where(windows, windows, np.nan) - side.before[:, None]
    return [column[np.isfinite(column)] for column in changes.T]


def _look(canary: Floats, control: Floats, tolerance: Tolerance) -> Look:
    counts = len(canary), len(control)
    if min(counts) < MINIMUM_DEVICES:
        return Look("inconclusive", np.nan, -np.inf, np.inf, *counts)
    difference = float(canary.mean() - control.mean())
    half_width = _half_width(_variance(canary, control), tolerance)
    low, high = difference - half_width, difference + half_width
    return Look(_verdict(low, high, tolerance.difference), difference, low, high, *counts)


def _variance(canary: Floats, control: Floats) -> float:
    """Return the variance of the difference: pooled, or with each side's own if that is larger.

    A few canaries often look calmer by chance than they are; a version that makes some of
    them wild really leaves the mean uncertain.
    """
    own = canary.var(ddof=1) / len(canary) + control.var(ddof=1) / len(control)
    squares = len(canary) * canary.var() + len(control) * control.var()
    pooled = squares / (len(canary) + len(control) - 2) * (1.0 / len(canary) + 1.0 / len(control))
    return max(float(own), float(pooled), np.finfo(float).tiny)


def _half_width(variance: float, tolerance: Tolerance) -> float:
    mixture = tolerance.mixture_deviation**2
    total = variance + mixture
    ratio = np.log(total) - np.log(variance) - 2.0 * np.log(tolerance.alpha)
    return float(np.sqrt(variance * total / mixture * ratio))


def _verdict(low: float, high: float, difference: float) -> Verdict:
    """Decide; a difference that is surely there and surely harmless passes."""
    if -difference < low and high < difference:
        return "pass"
    return "fail" if low > 0.0 or high < 0.0 else "inconclusive"
