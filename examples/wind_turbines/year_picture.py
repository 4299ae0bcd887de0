"""The pictures of ``docs/turbines.md``: verdicts, sensors and errors over a year."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Final, Protocol

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from sklearn.base import RegressorMixin

from examples.wind_turbines import train, turbines

_COLOURS: Final = dict(zip(turbines.TURBINES, ("#00798c", "#d1495b", "#edae49", "#66a182"), strict=True))
_STYLE: Final = {"svg.hashsalt": "leeway", "svg.fonttype": "none", "font.size": 9}
_YIELDS_KW: Final = 100.0
"""Rows with less predicted power are left out of the errors: a turbine that stands tells nothing of its blades."""
_HIGHEST: Final = 4.0


class Told(Protocol):
    """One day's verdict of one kind on one turbine."""

    @property
    def day(self) -> date:
        """Of the window."""

    @property
    def kind(self) -> str:
        """``training``, ``own``, ``peers`` or ``fleet``."""

    @property
    def turbine(self) -> str:
        """Whose; empty for the fleet."""

    @property
    def severity(self) -> float:
        """1 is at the level."""


def draw_severities(told: Sequence[Told], path: Path) -> None:
    """Draw each verdict's severity over the year, a panel for each comparison."""
    kinds = list(dict.fromkeys(verdict.kind for verdict in told))
    figure = Figure(figsize=(10, 8), layout="constrained")
    with mpl.rc_context(_STYLE):
        for axes, kind in zip(figure.subplots(len(kinds), 1, sharex=True), kinds, strict=True):
            for turbine in dict.fromkeys(verdict.turbine for verdict in told if verdict.kind == kind):
                series = [verdict for verdict in told if (verdict.kind, verdict.turbine) == (kind, turbine)]
                heights = [min(verdict.severity, _HIGHEST) for verdict in series]
                days = [verdict.day for verdict in series]
                axes.plot(days, heights, color=_COLOURS.get(turbine, "#30323d"), label=turbine or "fleet", linewidth=1)
            axes.axhline(1.0, color="#cccccc", linewidth=0.8)
            axes.set_ylim(0.0, _HIGHEST)
            axes.set_ylabel(f"{kind}: severity")
            axes.legend(loc="upper left", ncols=4, frameon=False)
        figure.savefig(path, format="svg", metadata={"Date": None})


def draw_sensors(path: Path) -> None:
    """Draw each day's mean of each feature, less the median of the four turbines."""
    days, means = _daily_means()
    figure = Figure(figsize=(10, 10), layout="constrained")
    with mpl.rc_context(_STYLE):
        for axes, (place, name) in zip(
            figure.subplots(len(turbines.FEATURES), 1, sharex=True), enumerate(turbines.FEATURES), strict=True
        ):
            common = np.nanmedian(means[:, :, place], axis=0)
            for turbine, series in zip(turbines.TURBINES, means[:, :, place] - common, strict=True):
                axes.plot(days, series, color=_COLOURS[turbine], label=turbine, linewidth=1)
            axes.set_ylabel(name)
        figure.axes[0].legend(loc="upper left", ncols=4, frameon=False)
        figure.savefig(path, format="svg", metadata={"Date": None})


def _daily_means() -> tuple[NDArray[np.datetime64], NDArray[np.float64]]:
    """Return the days of 2015, and the means (n_turbines, n_days, n_features)."""
    days = np.arange(np.datetime64("2015-01-01"), np.datetime64("2016-01-01"))
    means = np.full((len(turbines.TURBINES), len(days), len(turbines.FEATURES)), np.nan)
    for place, turbine in enumerate(turbines.TURBINES):
        table = turbines.read_turbine(turbine, date(2015, 1, 1), date(2016, 1, 1))
        rows = train.features(table).astype(np.float64)
        day_of_row = (table["time"].to_numpy().astype("datetime64[D]") - days[0]).astype(int)
        seen = np.isfinite(rows)
        for feature in range(rows.shape[1]):
            sums = np.bincount(day_of_row, np.where(seen[:, feature], rows[:, feature], 0.0), minlength=len(days))
            counts = np.bincount(day_of_row, seen[:, feature], minlength=len(days))
            means[place, :, feature] = sums / np.where(counts > 0, counts, np.nan)
    return days, means


def draw_errors(model: RegressorMixin, path: Path) -> None:
    """Draw each month's median of the power beyond what the model predicts, by turbine."""
    figure = Figure(figsize=(10, 4), layout="constrained")
    with mpl.rc_context(_STYLE):
        axes = figure.subplots()
        for turbine in turbines.TURBINES:
            months, medians = monthly_errors(model, turbine)
            axes.plot(months, medians, "o-", color=_COLOURS[turbine], label=turbine, linewidth=1)
        axes.axhline(0.0, color="#cccccc", linewidth=0.8)
        axes.set_ylabel("median of measured less predicted, kW")
        axes.legend(loc="upper left", ncols=4, frameon=False)
        figure.savefig(path, format="svg", metadata={"Date": None})


def monthly_errors(model: RegressorMixin, turbine: str) -> tuple[list[date], list[float]]:
    """Return the months of 2015, and each one's median of measured less predicted power in kW."""
    table = turbines.plausible(turbines.read_turbine(turbine, date(2015, 1, 1), date(2016, 1, 1)))
    predicted = model.predict(train.features(table))
    errors = table[turbines.TARGET].to_numpy() - predicted
    month = table["time"].to_numpy().astype("datetime64[M]")
    months = np.unique(month)
    medians = [float(np.median(errors[(month == one) & (predicted > _YIELDS_KW)])) for one in months]
    return months.astype("datetime64[D]").tolist(), medians
