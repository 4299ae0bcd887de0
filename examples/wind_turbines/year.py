"""What the detectors say of the whole year 2015, with no fault added: the figures of ``docs/turbines.md``.

::

    python -m examples.wind_turbines.year docs/turbines
    python -m examples.wind_turbines.year OUT --tolerance-sd 0

writes the pictures into a folder, and prints every episode: when a verdict began and ended,
what it named, and how far it went. The devices' past begins in October 2014.
"""

import argparse
import array
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from sklearn.base import RegressorMixin

from compiler.baseline import build_baseline
from detectors import (
    DEFAULT_RATE,
    KINDS,
    Charts,
    DeviceWindow,
    Judgement,
    Tolerances,
    charts_of,
    empty_state,
    judge,
    lay_out,
    level_for,
    stack,
)
from detectors.arrays import Bools, Floats
from detectors.levels import MONTH_WINDOWS
from device_contract.baseline import Baseline
from device_contract.manifest import Feature, Output
from device_contract.sketches import RowSummarizer, WindowSummary
from examples.wind_turbines import train, turbines, year_picture

FIRST_DAY: Final = date(2014, 10, 1)
JUDGED_FROM: Final = date(2015, 1, 1)
LAST_DAY: Final = date(2016, 1, 1)
FLEET: Final = "fleet"
TOLERANCE_SD: Final = 0.2
"""Weather meets each turbine a little differently: a fifth of a standard deviation does not matter."""

Days = Mapping[date, Mapping[str, WindowSummary]]
"""Each day's windows, by turbine."""


@dataclass(frozen=True)
class Episode:
    """A verdict from the day it became *drift* to the day it was quiet again.

    Attributes:
        kind: ``training``, ``own``, ``peers`` or ``fleet``.
        turbine: Whose; empty for the fleet.
        first: First day.
        last: Last day.
        streams: What it named, the most often named first.
        severity: The largest; 1 is at the level.
    """

    kind: str
    turbine: str
    first: date
    last: date
    streams: tuple[str, ...]
    severity: float


@dataclass(frozen=True)
class Verdict:
    """One day's verdict of one kind on one turbine, or on the fleet; it names the drifting streams."""

    day: date
    kind: str
    turbine: str
    streams: tuple[str, ...]
    severity: float


def features() -> tuple[Feature, ...]:
    """Return what the schema says of the model's features, in the order of ``turbines.FEATURES``."""
    schema = tomllib.loads(turbines.SCHEMA.read_text(encoding="utf-8"))
    return tuple(Feature(**feature) for feature in schema["feature"])


def baseline(model: RegressorMixin, rows: NDArray[np.float32]) -> Baseline:
    """Summarise a sample of training, (n_rows, n_features), as the compiler does."""
    output = (Output(name=turbines.TARGET, unit="kW"),)
    return build_baseline(features(), output, rows, model.predict(rows)[:, None])


def windows(model: RegressorMixin, reference: Baseline) -> Days:
    """Count every day of every turbine as its device would."""
    days: dict[date, dict[str, WindowSummary]] = {}
    for turbine in turbines.TURBINES:
        table = turbines.read_turbine(turbine, FIRST_DAY, LAST_DAY)
        rows = train.features(table)
        scores = predict(model, rows)
        day_of_row = table["time"].to_numpy().astype("datetime64[D]")
        summarizer = RowSummarizer(reference)
        for day in np.unique(day_of_row):
            for row in np.flatnonzero(day_of_row == day):
                summarizer.update(rows[row], array.array("d", [scores[row]]))
            days.setdefault(day.astype(date), {})[turbine] = summarizer.take()
    return days


def predict(model: RegressorMixin, rows: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the model's scores, (n_rows,); NaN for a row with a missing value, as a device answers."""
    whole = np.isfinite(rows).all(axis=1)
    scores = np.full(len(rows), np.nan)
    scores[whole] = model.predict(rows[whole])
    return scores


def verdicts(reference: Baseline, days: Days, tolerance_sd: float) -> Iterator[Verdict]:
    """Judge day after day, with a smallest difference that matters, and tell of those in 2015."""
    layout = lay_out(reference)
    charts = charts_of(layout)
    state = empty_state(charts)
    tolerances = Tolerances.below(tolerance_sd)
    levels = level_for(DEFAULT_RATE, charts.n_charts, MONTH_WINDOWS, tolerances=tolerances)
    for day in sorted(days):
        window = stack(layout, [DeviceWindow(name, "", "2", summary) for name, summary in days[day].items()])
        state, judgement = judge(state, layout, window, levels)
        if day >= JUDGED_FROM:
            yield from _told(day, judgement)


def _told(day: date, judgement: Judgement) -> Iterator[Verdict]:
    for place, turbine in enumerate(judgement.devices.tolist()):
        for column, kind in enumerate(KINDS):
            drifting = _streams(judgement.charts, judgement.ratios[place, column], judgement.alarmed[place, column])
            yield Verdict(day, kind, turbine, drifting, float(judgement.severity[place, column]))
    drifting = _streams(judgement.charts, judgement.fleet_ratios[0], judgement.fleet_alarmed[0])
    yield Verdict(day, FLEET, "", drifting, float(judgement.fleet_severity[0]))


def _streams(charts: Charts, ratios: Floats, alarmed: Bools) -> tuple[str, ...]:
    """Name the alarmed streams, the most severe first."""
    columns = sorted(np.flatnonzero(alarmed), key=lambda column: -abs(float(ratios[column])))
    return tuple(dict.fromkeys(charts.streams[charts.stream[column]] for column in columns))


def episodes(told: Iterable[Verdict]) -> list[Episode]:
    """Join the days on which a verdict was *drift*."""
    series: dict[tuple[str, str], list[Verdict]] = {}
    for verdict in told:
        series.setdefault((verdict.kind, verdict.turbine), []).append(verdict)
    return [
        _episode(list(run))
        for verdicts_of_one in series.values()
        for drifts, run in groupby(verdicts_of_one, lambda verdict: bool(verdict.streams))
        if drifts
    ]


def _episode(run: list[Verdict]) -> Episode:
    named = Counter(stream for verdict in run for stream in verdict.streams)
    streams = tuple(stream for stream, _ in named.most_common())
    severity = max(verdict.severity for verdict in run)
    return Episode(run[0].kind, run[0].turbine, run[0].day, run[-1].day, streams, severity)


def main() -> None:
    """Draw the pictures and print the episodes."""
    parser = argparse.ArgumentParser(description="Judge the whole of 2015.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--tolerance-sd", type=float, default=TOLERANCE_SD, help="as of leeway-fleet drift policy")
    options = parser.parse_args()
    folder: Path = options.folder
    folder.mkdir(parents=True, exist_ok=True)
    trained_on = train.training_table(2014)
    model = train.train_version_2(trained_on)
    reference = baseline(model, train.features(train.sample(trained_on)))
    told = list(verdicts(reference, windows(model, reference), options.tolerance_sd))
    year_picture.draw_severities(told, folder / "severities.svg")
    year_picture.draw_sensors(folder / "sensors.svg")
    year_picture.draw_errors(model, folder / "errors.svg")
    print("| verdict | turbine | first day | last day | named | severity |\n|---|---|---|---|---|---|")
    for one in sorted(episodes(told), key=lambda one: (one.kind, one.first)):
        named = ", ".join(one.streams)
        print(f"| {one.kind} | {one.turbine} | {one.first} | {one.last} | {named} | {one.severity:.2f} |")


if __name__ == "__main__":
    main()
