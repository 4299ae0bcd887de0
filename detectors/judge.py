"""Judges one window of many devices: the pipeline from counts to verdicts.

For each chart, that is each channel of each stream:

1. the channel's value and its sampling variance, by rows that count as independent;
2. less the device's own past, in the same phase of the season;
3. less the common movement, the median of what is then left over the device's group;
4. divided by how much the stream usually varies between windows;
5. gathered by a moving average, which alarms at the level of its verdict and is quiet again
   below half of that.

What raises suspicion (half a level) is not learned from.
"""

from collections.abc import Collection
from dataclasses import replace

import numpy as np

from detectors.alarms import alarms, compared_charts
from detectors.channels import answers
from detectors.charts import charts_of
from detectors.groups import index, with_versions
from detectors.judgement import Judgement
from detectors.lag1 import learn_lag1
from detectors.learning import learn_vectors, learn_window, own_scale
from detectors.levels import Levels
from detectors.peers import without_peers
from detectors.reference import Reference
from detectors.roster import find, put_back
from detectors.state import OWN, PEERS, State
from detectors.steps import (
    SUSPICIOUS,
    Step,
    compare,
    movement_of,
    movements_of,
    ratios_of,
    take_echo,
    take_movements,
    take_scores,
)
from detectors.summing_up import Charted, sum_up
from detectors.windows import WindowArrays

LEARNING_WINDOWS = 8
"""Windows that a device is learned from before it is judged against its past, after a season if it has phases."""
PEERS_WINDOWS = 3
"""Windows of a device before it is judged against its peers."""


def learning_windows(phases: int) -> int:
    """Return for how many windows a device is learned from: how it answers a season, then how much it varies."""
    return LEARNING_WINDOWS + (phases if phases > 1 else 0)


def judge(  # noqa: PLR0913  (the window, what is known, and who else is judged)
    state: State,
    reference: Reference,
    window: WindowArrays,
    levels: Levels,
    late: Judgement | None = None,
    *,
    following: Collection[str] = (),
) -> tuple[State, Judgement]:
    """Take in one window of devices that count with one baseline.

    Devices that are not in the window keep their past; those that the state does not know
    join it. A device whose version changed starts its outputs anew and keeps its features.
    A window is judged once for each device; its devices may come in several calls, of which
    the first, with most of them, finds the common movement.

    Args:
        state: What the last call gave back, or ``empty_state``.
        reference: Of the baseline.
        window: The devices' windows, each device once.
        levels: Where charts alarm.
        late: The judgement of the same window's first call, for devices that come later: they
            are compared with what their peers reported then, and the fleet is not judged again.
        following: Groups of which another cohort of the window (``detectors.cohorts``) was judged
            before: how they move is not charted again.
    """
    charts = charts_of(reference)
    roster, pasts = find(charts, state, window)
    pasts, correlation = learn_lag1(charts, pasts, window)
    found = answers(reference, window, correlation)
    names, places = index(window.groups)
    step = Step(charts, reference, window, found, names, places, with_versions(window.groups, window.versions))
    taken = None if late is None else movement_of(late, names, places, len(window.devices))
    scale = own_scale(pasts)
    residuals, vectors = compare(step, pasts, scale.variance, levels.tolerances, taken)
    is_learning = pasts.windows[:, 0] < learning_windows(state.phases)
    alone = (pasts.company > 0.0) & ~residuals.accompanied  # what weather did to it cannot be told
    held = alone | is_learning[:, None]
    scores = np.where(held, np.nan, residuals.relevant / np.sqrt(scale.variance))
    fleet = take_echo(state.fleet, pasts, scores)
    pasts = take_scores(step, pasts, scores, scale)
    ratios = ratios_of(step, pasts, fleet, scale, levels)
    ratios[pasts.windows[:, 0] < PEERS_WINDOWS, PEERS] = np.nan
    compared = compared_charts(ratios, held)
    alarmed = alarms(pasts, ratios, compared, without_peers(places, len(window.devices)) & (late is None))
    quiet = window.sound[:, None] & ~alone & (np.abs(ratios[:, OWN]) <= SUSPICIOUS)
    pasts = learn_window(step, pasts, residuals, scale.variance, quiet)
    pasts = learn_vectors(step, pasts, vectors, quiet)
    pasts = replace(pasts, alarmed=alarmed.reshape(pasts.alarmed.shape))
    charted_elsewhere = names if late is not None else following
    movements = movements_of(step, residuals)
    fleet, fleet_scores = take_movements(step, fleet, movements, residuals.noise, charted_elsewhere)
    fleet_ratios, pair = fleet_scores / levels.fleet, vectors.relations.pair
    figures = (fleet, fleet_ratios, movements, pair)
    charted = Charted(np.nan_to_num(ratios), compared, alarmed, residuals.difference, is_learning, *figures)
    told = sum_up(step, charted)
    return put_back(roster, replace(state, fleet=fleet), window, pasts), told if late is None else told.with_fleet(late)
