"""The steps of ``judge``, each over all charts of all devices at once."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from detectors.apart import apart_ratios, positions, take_apart, take_rows
from detectors.arrays import Floats, Places
from detectors.channels import Answers
from detectors.charts import Charts
from detectors.common_cause import take_movement, with_groups
from detectors.common_shift import common_shift
from detectors.counted import usual_shares
from detectors.counted_residuals import counted_residuals
from detectors.ewma import CAP, SPREAD, as_normal, echo_factor, step
from detectors.judgement import Judgement
from detectors.levels import Levels
from detectors.measured_residuals import measured_residuals
from detectors.moderation import OwnScale
from detectors.peers import MINIMUM, middle
from detectors.reference import Reference
from detectors.relation_residuals import Relations, relation_residuals
from detectors.residuals import Company, Residuals, join
from detectors.season import Season, season_of
from detectors.shape_residuals import shape_residuals
from detectors.state import OWN, DevicePasts, FleetPast
from detectors.tolerances import Tolerances
from detectors.training import training_scores
from detectors.windows import WindowArrays

SUSPICIOUS = 0.5
"""Part of a level from which a window is not learned from, and below which an alarm ends."""
_FEWEST_ECHOES = 60.0
"""Products of a score and the average before it that count as independent ones."""


@dataclass(frozen=True, eq=False)
class Step:
    """One window on its way through the pipeline: what does not change."""

    charts: Charts
    reference: Reference
    window: WindowArrays
    answers: Answers
    groups: tuple[str, ...]
    places: Places
    """The devices of each group."""
    output_places: Places
    """The devices of each group and version."""

    @cached_property
    def positions(self) -> tuple[Floats, Floats]:
        """Every chart's value and its sampling variance (``apart.positions``)."""
        return positions(self.answers)


@dataclass(frozen=True, eq=False)
class Vectors:
    """What is learned of a window's vectors."""

    shares: Floats
    """(n, S, B): of the inner bins, the common movement taken off."""
    relations: Relations


def compare(
    step: Step, pasts: DevicePasts, scale: Floats, tolerances: Tolerances, taken: Floats | None
) -> tuple[Residuals, Vectors]:
    """Compare every chart with what was expected; features among a group, outputs among one version in it.

    Args:
        step: The window.
        pasts: The devices'.
        scale: (n, K), how many times its sampling variance a stream varies.
        tolerances: Differences that do not matter.
        taken: (n, K), the movement to take off; None to find it.
    """
    company = Company(step.places, taken, step.charts.tolerances(tolerances))
    season = season_of(pasts, step.window.phase, scale[:, : step.charts.n_streams])
    by_group, vectors = _compare_within(step, pasts, season, scale, company)
    if len(step.output_places) == len(step.places):
        return by_group, vectors
    by_version, _ = _compare_within(step, pasts, season, scale, replace(company, places=step.output_places))
    return by_group.with_outputs(by_version, step.charts.output), vectors


def _compare_within(
    step: Step, pasts: DevicePasts, season: Season, scale: Floats, company: Company
) -> tuple[Residuals, Vectors]:
    m, c = step.charts.n_measured, step.charts.n_counted
    measured = measured_residuals(step.answers, pasts, season, scale[:, :m], company.charts(slice(m)))
    streams = slice(step.charts.n_streams)
    shift = common_shift(step.reference, pasts.center[:, streams], measured.movement[:, streams] + season.added)
    usual, company_of_counts = usual_shares(step.reference), company.charts(slice(m, m + c))
    counted = counted_residuals(step.answers.counted, pasts, usual, shift.tails, company_of_counts)
    company_of_shapes = company.charts(slice(m + c, -1))
    shapes, shares = shape_residuals(step.reference, step.answers, pasts, shift.shape, company_of_shapes)
    last = company.charts(slice(-1, None))
    related, relations = relation_residuals(step.answers, pasts, last)
    return join(measured, counted, shapes, related), Vectors(shares, relations)


def movement_of(earlier: Judgement, names: tuple[str, ...], places: Places, n: int) -> Floats:
    """Return the movement that was found when the window was first judged, for each device (n, K).

    A group that was not there then has not moved.
    """
    movement = np.zeros((n, earlier.charts.n_charts))
    for name, group in zip(names, places, strict=True):
        if name in earlier.groups:
            movement[group] = earlier.movement[earlier.groups.index(name)]
    return movement


def take_echo(fleet: FleetPast, pasts: DevicePasts, scores: Floats) -> FleetPast:
    """Learn how much the scores of each chart resemble those before them, over all devices.

    Of a broken device they all do, so that it would hide the next one: charts that are alarmed tell nothing.
    """
    told = ~np.isnan(scores) & ~pasts.alarmed_against(OWN)
    products = np.where(told, np.clip(np.nan_to_num(scores), -3.0, 3.0) * np.clip(pasts.own, -1.5, 1.5), 0.0)
    return replace(
        fleet, echo=fleet.echo + products.sum(axis=0, dtype=np.float64), echoes=fleet.echoes + told.sum(axis=0)
    )


def take_scores(now: Step, pasts: DevicePasts, scores: Floats, scale: OwnScale) -> DevicePasts:
    """Step the moving averages of all three verdicts."""
    value, variance = now.positions
    lowest = now.charts.lowest
    trained = training_scores(now.charts, now.reference, now.answers)
    rows = np.where(now.window.sound, now.window.rows, 0.0)[:, None]
    apart = take_apart(pasts.apart, pasts.windows, value, variance * scale.variance, now.places)
    return replace(
        pasts,
        own=step(pasts.own, scores, lowest).astype(np.float32),
        apart=apart.astype(np.float32),
        apart_rows=take_rows(pasts.apart_rows, pasts.windows, rows).astype(np.float32),
        training=step(pasts.training, trained, lowest).astype(np.float32),
        windows=pasts.windows + now.window.sound[:, None],
    )


def ratios_of(now: Step, pasts: DevicePasts, fleet: FleetPast, scale: OwnScale, levels: Levels) -> Floats:
    """Return each chart's moving average towards its level, by verdict, (n, 3, K).

    Against peers it is NaN where the device was compared with nobody.
    """
    echo = echo_factor(fleet.echo / (fleet.echoes + _FEWEST_ECHOES)).astype(np.float32)
    training = pasts.training / SPREAD / levels.training
    own = as_normal(pasts.own / (SPREAD * np.sqrt(echo)), scale.freedom) / levels.own
    rows = pasts.apart_rows * now.window.rows[:, None]
    variance = now.positions[1]
    told = np.isfinite(variance) & (rows > 0.0)
    noise = np.where(told, np.where(told, variance, 0.0) * rows * scale.variance * echo, np.inf)
    tolerance = now.charts.tolerances(levels.tolerances)
    tolerance[now.charts.n_measured :] = 0.0  # a share's place is its arc sine, where its tolerance has no one size
    apart = apart_ratios(pasts.apart, noise, tolerance, now.places) / levels.peers
    apart = np.where(now.charts.steady, np.maximum(apart, now.charts.lowest), np.nan)
    return np.stack([training, own, apart], axis=1)


def movements_of(now: Step, residuals: Residuals) -> Floats:
    """Return the common movement of each group that was taken off, (G, K)."""
    found = [middle(residuals.movement[group]) for group in now.places]
    return np.array(found, np.float64).reshape(len(now.places), now.charts.n_charts)  # also where there is no group


def take_movements(
    now: Step, fleet: FleetPast, movements: Floats, noise: Floats, elsewhere: Collection[str]
) -> tuple[FleetPast, Floats]:
    """Chart the common movement of each group.

    Args:
        now: The window.
        fleet: Before.
        movements: (G, K).
        noise: (n, K), the movement's sampling variance, as each device has it.
        elsewhere: Groups that other devices chart.

    Returns:
        The past after it and the scores (G, K), in standard deviations.
    """
    fleet = with_groups(fleet, now.groups)
    scores = np.zeros((len(now.groups), now.charts.n_charts))
    for row, (name, group) in enumerate(zip(now.groups, now.places, strict=True)):
        if name not in elsewhere and len(group) >= MINIMUM:  # fewer have no movement to learn from
            place, first = fleet.groups.index(name), group[0]
            fleet, scores[row] = take_movement(fleet, place, now.window.phase, movements[row], noise[first])
    return fleet, np.clip(scores, -CAP * CAP, CAP * CAP)
