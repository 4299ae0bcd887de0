"""What a device's past takes from a window, and how much its streams usually vary."""

from dataclasses import replace
from typing import Final

import numpy as np

from detectors.arrays import Bools, Floats
from detectors.comoments import FEWEST_ROWS
from detectors.counted_residuals import unmoved
from detectors.moderation import OwnScale, prior
from detectors.own_past import learn
from detectors.residuals import Residuals
from detectors.season import learn_season
from detectors.state import DevicePasts
from detectors.steps import Step, Vectors

_MOST_WINDOWS: Final = 250.0
"""After so many the own variance forgets as much as it learns."""
_FADE: Final = np.float32(1.0 - 1.0 / _MOST_WINDOWS)
_WILDEST: Final = 3.5
"""Standard deviations at which a score is held before its variance is learned."""
_MOST_FREEDOM: Final = 100.0
"""Degrees of freedom of a stream's variance at most: however long it is known, its scores are not quite Gaussian."""


def own_scale(pasts: DevicePasts) -> OwnScale:
    """Return how many times its sampling variance each stream varies, and how well that is known."""
    usual, freedom = (values.astype(np.float32) for values in prior(pasts.squares, pasts.freedom))
    total = freedom + pasts.freedom
    scale = (freedom * usual + pasts.squares) / total
    m = pasts.center.shape[1]
    scale[:, m:] = np.maximum(scale[:, m:], 1.0)  # a count's score is exact: less variance is no licence
    return OwnScale(scale, np.minimum(total, _MOST_FREEDOM))


def learn_window(step: Step, pasts: DevicePasts, residuals: Residuals, scale: Floats, quiet: Bools) -> DevicePasts:
    """Take a window into the pasts, where it raised no suspicion.

    Args:
        step: The window.
        pasts: Before.
        residuals: How far the window was from what was expected.
        scale: (n, K), variance of the scores.
        quiet: (n, K), where to learn.
    """
    m, c, found = step.charts.n_measured, step.charts.n_counted, step.answers
    score = np.nan_to_num(residuals.score)
    weight = np.where(quiet[:, :m] & np.isfinite(found.variance), 1.0 / found.variance, 0.0)
    rest = np.where(np.isfinite(found.variance), found.value - residuals.movement[:, :m], 0.0)
    center, precision = learn(pasts.center, pasts.precision, rest, weight)
    learned = (quiet & ~np.isnan(residuals.score)).astype(np.float32)
    fade = np.where(pasts.freedom >= _MOST_WINDOWS, _FADE, np.float32(1.0))
    past_first = learned * (pasts.windows > pasts.season_windows.shape[1])
    held = np.minimum(score**2, _WILDEST**2 * scale)
    keep = quiet[:, m : m + c].astype(np.float32)
    counted = step.answers.counted
    usual = unmoved(counted.count, counted.trials, residuals.movement[:, m : m + c])
    after = replace(
        pasts,
        center=center.astype(np.float32),
        precision=precision.astype(np.float32),
        hits=(pasts.hits + keep * usual).astype(np.float32),
        trials=(pasts.trials + keep * counted.trials).astype(np.float32),
        company=np.maximum(pasts.company, residuals.accompanied.any(axis=1, keepdims=True)).astype(np.float32),
        squares=(np.where(past_first > 0, pasts.squares * fade + held, pasts.squares)).astype(np.float32),
        freedom=np.minimum(pasts.freedom + past_first, _MOST_WINDOWS).astype(np.float32),
    )
    s = step.charts.n_streams
    return learn_season(after, step.window.phase, pasts.center[:, :s], rest[:, :s], weight[:, :s])


def learn_vectors(step: Step, pasts: DevicePasts, vectors: Vectors, quiet: Bools) -> DevicePasts:
    """Take a window's vectors into the pasts, where they raised no suspicion.

    Args:
        step: The window.
        pasts: Before.
        vectors: The common movement taken off.
        quiet: (n, K), where to learn.
    """
    s, bins = step.charts.n_streams, step.charts.n_bins
    rows = np.where(quiet[:, -s - 1 : -1], step.answers.shares.rows, 0.0)
    total = pasts.shares_rows + rows
    weight = np.repeat(rows / np.maximum(total, 1.0), bins, axis=1)
    told = quiet[:, -1] & (step.window.related_rows >= FEWEST_ROWS)
    related_rows = np.where(told, step.window.related_rows, 0.0)[:, None]
    related_total = pasts.relations_rows + related_rows
    part = related_rows / np.maximum(related_total, 1.0)
    shares = vectors.shares.reshape(len(rows), s * bins)
    return replace(
        pasts,
        shares=(pasts.shares + weight * (shares - pasts.shares)).astype(np.float32),
        shares_rows=total.astype(np.float32),
        relations=(pasts.relations + part * (vectors.relations.values - pasts.relations)).astype(np.float32),
        relations_rows=related_total.astype(np.float32),
    )
