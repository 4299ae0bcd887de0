"""How well versions do as signals: from labels, without them, and by the application's own metrics."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Final

from sqlalchemy import func
from sqlmodel import Session, select

from device_contract.baseline import DAY_MS
from fleet_server.alerts.readings import Batch, Reading, Signal
from fleet_server.bundles.tables import BundleRow
from fleet_server.clock import Clock
from fleet_server.db import Database
from fleet_server.feedback.intervals import Estimate
from fleet_server.feedback.queries import MOST_WINDOWS, Performance, PerformanceService
from fleet_server.feedback.selection import Selection
from fleet_server.feedback.tables import TruthWindowRow

INTERVAL_MS: Final = 600_000
PERIOD_MS: Final = DAY_MS
"""A figure is over the windows that start within a day of the latest one."""
_PERFORMANCE, _EXPECTED, _METRIC = "performance.", "expected.", "metric."
_ENDS: Final = ("low", "high")


@dataclass(frozen=True)
class _Period:
    model: str
    latest_ms: int
    """Start of the latest window."""
    is_labelled: bool

    @property
    def selection(self) -> Selection:
        return Selection(
            model=self.model,
            since_ms=max(0, self.latest_ms - PERIOD_MS),
            until_ms=self.latest_ms + 1,
            is_labelled=self.is_labelled,
        )


class PerformanceSignals:
    """Looks at every model's versions each ten minutes, if a rule asks.

    Args:
        database: Where windows and versions are.
        performance: Knows how well versions do.
        clock: Gives the present.
    """

    name = "performance"
    signals: Sequence[Signal] = (
        Signal(
            f"{_PERFORMANCE}*", "a figure of a version from labels, such as performance.accuracy; .low and .high end"
        ),
        Signal(f"{_EXPECTED}*", "a figure estimated without labels, such as expected.accuracy; .low and .high end"),
        Signal(f"{_METRIC}*", "mean of a custom metric by version, such as metric.torque; .low and .high end"),
    )

    def __init__(self, database: Database, performance: PerformanceService, clock: Clock) -> None:
        self._database = database
        self._performance = performance
        self._clock = clock

    def read(self, after: int, signals: Collection[str]) -> Batch:
        """Tell how the versions do; nothing until ten minutes after the last time."""
        now_ms = self._clock()
        if now_ms < after + INTERVAL_MS:
            return Batch((), after)
        if not signals:
            return Batch((), now_ms)
        with self._database.reading() as session:
            versions = _versions(session)
            periods = list(_periods(session, versions))
        readings = [
            reading for period in periods for reading in self._readings(period, versions[period.model], signals, now_ms)
        ]
        return Batch(readings, now_ms)

    def _readings(
        self, period: _Period, versions: Collection[str], signals: Collection[str], now_ms: int
    ) -> Iterator[Reading]:
        wanted = [name for name in signals if name.startswith(_PERFORMANCE) == period.is_labelled]
        if not wanted:
            return
        performances = self._performance.by_version(period.selection, most_windows=MOST_WINDOWS)
        found = {each.place.version: _figures(each) for each in performances}
        for version in versions:
            figures = found.get(version, {})  # of a version that nobody runs there is nothing to judge any more
            for name in wanted:
                yield _reading(name, period, version, figures, now_ms)


def _periods(session: Session, models: Iterable[str]) -> Iterator[_Period]:
    for model, is_labelled in product(models, (True, False)):
        conditions = Selection(model=model, is_labelled=is_labelled).conditions()
        latest_ms = session.exec(select(func.max(TruthWindowRow.start_ms)).where(*conditions)).one()
        if latest_ms is not None:
            yield _Period(model, latest_ms, is_labelled)


def _versions(session: Session) -> Mapping[str, Collection[str]]:
    versions: dict[str, set[str]] = {}
    for model, version in session.exec(select(BundleRow.model, BundleRow.version).distinct()):
        versions.setdefault(model, set()).add(version)
    return versions


def _figures(found: Performance) -> Mapping[str, Estimate]:
    """Return what is known, by the name of its signal."""
    metrics = {name: sums.figures() for name, sums in found.group.metrics.items()}
    return {
        **{_PERFORMANCE + name: figure for name, figure in found.group.figures().items()},
        **{_EXPECTED + name: figure for name, figure in found.expectation.figures.items()},
        **{_METRIC + name: figures.mean for name, figures in metrics.items() if figures is not None},
    }


def _reading(signal: str, period: _Period, version: str, figures: Mapping[str, Estimate], now_ms: int) -> Reading:
    name, _, end = signal.rpartition(".")
    is_end = end in _ENDS and name in figures
    figure = figures.get(name if is_end else signal)
    return Reading(
        signal=signal,
        subject=f"{period.model} {version}",
        value=None if figure is None else getattr(figure, end if is_end else "value"),
        time_ms=now_ms,
        window_ms=period.latest_ms,
        sentence="" if figure is None else _sentence(signal, period.model, version, figure),
        model=period.model,
        version=version,
        evidence={} if figure is None else {"value": figure.value, "low": figure.low, "high": figure.high},
    )


def _sentence(signal: str, model: str, version: str, figure: Estimate) -> str:
    return f"{signal} of {model} {version} is {figure.value:.4g} ({figure.low:.4g} to {figure.high:.4g}) over a day."
