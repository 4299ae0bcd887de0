"""Asking for performance: which windows, grouped by what."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import gt
from typing import Any, Final, Literal

import numpy as np
from sqlalchemy import ColumnElement
from sqlmodel import Session, col, select

from device_contract.baseline import Baseline
from fleet_server.bundles.service import BundleService
from fleet_server.db import Database, bounds
from fleet_server.errors import NotFoundError
from fleet_server.feedback.cbpe import Calibration
from fleet_server.feedback.performance import Expectation, Group
from fleet_server.feedback.selection import Selection
from fleet_server.feedback.tables import TruthWindowRow
from fleet_server.feedback.targets import Targets
from fleet_server.feedback.thinning import some_devices

MOST_WINDOWS: Final = 50_000
"""Read at once where nobody asked for all of them."""

Grouping = Literal["version", "device", "segment", "window"]

Segments = Callable[[str], Mapping[str, str]]
"""Gives, for the key of a device label, each device's value of it."""


@dataclass(frozen=True)
class Place:
    """What a group is of: a version, and what else it was grouped by."""

    version: str
    device_id: str | None = None
    segment: str | None = None
    window_start_ms: int | None = None
    window_end_ms: int | None = None


@dataclass(frozen=True)
class Performance:
    """How a group does."""

    place: Place
    group: Group
    expectation: Expectation


@dataclass(frozen=True)
class Change:
    """A window that has changed: its report came, or labels of it.

    Args:
        ordinal: Its place in the order of changes.
        model: Whose window it is.
        performance: How the version did in it.
    """

    ordinal: int
    model: str
    performance: Performance


class PerformanceService:
    """Answers how well versions do.

    Args:
        database: The windows with their labels.
        bundles: Knows the baselines.
        targets: What versions predict.
        segments: Knows the devices' labels.
    """

    def __init__(self, database: Database, bundles: BundleService, targets: Targets, segments: Segments) -> None:
        self._database = database
        self._bundles = bundles
        self._targets = targets
        self._segments = segments

    def by_version(self, selection: Selection, *, most_windows: int | None = None) -> list[Performance]:
        """Return how each version does.

        Args:
            selection: Which windows.
            most_windows: Where there are more, those of some devices stand for all (``thinning``).
        """
        also: list[ColumnElement[bool]] = []
        if most_windows is not None:
            with self._database.reading() as session:
                devices = some_devices(session, selection.conditions(), most_windows)
            also = [] if devices is None else [col(TruthWindowRow.device_id).in_(devices)]
        return self._grouped(selection, also, lambda row: Place(row.version))

    def by_segment(self, selection: Selection, label: str) -> list[Performance]:
        """Return how each version does on the devices of each value of a label; "" is those without it."""
        segments = self._segments(label)
        return self._grouped(selection, [], lambda row: Place(row.version, segment=segments.get(row.device_id, "")))

    def by_device(
        self, selection: Selection, *, limit: int, after: str | None = None
    ) -> tuple[list[Performance], str | None]:
        """Return how each version does on each device.

        Args:
            selection: Which windows.
            limit: Most devices.
            after: Devices with a greater id only, if one is given.

        Returns:
            The groups in order of device, and the last device if there are more.
        """
        column = col(TruthWindowRow.device_id)
        chosen, last = self._page(selection, column, after, limit)
        found = self._grouped(selection, [column.in_(chosen)], lambda row: Place(row.version, device_id=row.device_id))
        return sorted(found, key=lambda each: (each.place.device_id or "", each.place.version)), last

    def by_window(
        self, selection: Selection, *, limit: int, after: int | None = None
    ) -> tuple[list[Performance], int | None]:
        """Return how each version does in each window, in order of time.

        Args:
            selection: Which windows.
            limit: Most starts of windows.
            after: Windows that start later only, Unix milliseconds; None: from the first.
        """
        column = col(TruthWindowRow.start_ms)
        chosen, last = self._page(selection, column, after, limit)
        found = self._grouped(
            selection,
            [column.in_(chosen)],
            lambda row: Place(row.version, window_start_ms=row.start_ms, window_end_ms=row.end_ms),
        )
        return sorted(found, key=lambda each: (each.place.window_start_ms or 0, each.place.version)), last

    def of_version(self, selection: Selection) -> Performance:
        """Return how the selected version does.

        Raises:
            NotFoundError: There is no such version.
        """
        version = selection.version or ""
        target = self._targets.find(selection.model, version)
        if target is None:
            raise NotFoundError(f"no version {version[:80]!r} of model {selection.model[:80]!r}")
        found = self._grouped(selection, [], lambda row: Place(row.version))
        nothing = Performance(Place(version), Group(target), Expectation({}, "no_rows"))
        return next(iter(found), nothing)

    def changes_after(self, ordinal: int, limit: int) -> list[Change]:
        """Return the windows that changed after the one with this ordinal (0: from the first), in that order."""
        query = select(TruthWindowRow).where(col(TruthWindowRow.changed) > ordinal)
        with self._database.reading() as session:
            rows = session.exec(query.order_by(col(TruthWindowRow.changed)).limit(limit)).all()
        return [
            Change(row.changed, row.model, performance)
            for row in rows
            for performance in self._performances([row], _window_of)
        ]

    def last_labelled(self, selection: Selection, labels: int) -> Group | None:
        """Return as many of the latest of a version's selected windows as have so many labels together.

        Returns:
            None where all of them have fewer.
        """
        target = self._targets.find(selection.model, selection.version or "")
        if target is None:
            return None
        group, start_ms, end_ms = Group(target), col(TruthWindowRow.start_ms), col(TruthWindowRow.end_ms)
        query = select(TruthWindowRow).where(*replace(selection, is_labelled=True).conditions())
        with self._database.reading() as session:
            for row in session.exec(query.order_by(start_ms.desc(), end_ms.desc()).limit(labels)):  # a label each
                group.add(row)
                if group.labelled >= labels:
                    return group
        return None

    def _page(self, selection: Selection, column: Any, after: object, limit: int) -> tuple[list[Any], Any]:  # noqa: ANN401  (of whichever type the column is)
        query = select(column).distinct().where(*selection.conditions(), *bounds((column, gt, after))).order_by(column)
        with self._database.reading() as session:
            values = list(session.exec(query.limit(limit + 1)))
        return values[:limit], values[limit - 1] if len(values) > limit else None

    def _grouped(
        self, selection: Selection, also: Sequence[ColumnElement[bool]], place_of: Callable[[TruthWindowRow], Place]
    ) -> list[Performance]:
        with self._database.reading() as session:
            return self._performances(_windows(session, [*selection.conditions(), *also]), place_of)

    def _performances(
        self, rows: Iterable[TruthWindowRow], place_of: Callable[[TruthWindowRow], Place]
    ) -> list[Performance]:
        groups: dict[Place, Group] = {}
        for row in rows:
            target = self._targets.find(row.model, row.version)
            if target is not None:
                groups.setdefault(place_of(row), Group(target)).add(row)
        calibrations = {sha256: self._calibration(sha256) for group in groups.values() for sha256 in group.scores}
        ordered = sorted(groups.items(), key=lambda item: (item[0].version, item[0].segment or ""))
        return [Performance(place, group, group.expectation(calibrations)) for place, group in ordered]

    def _calibration(self, baseline_sha256: str) -> Calibration | None:
        baseline = self._bundles.baseline(baseline_sha256)
        return calibration_of(baseline) if baseline is not None else None


def _window_of(row: TruthWindowRow) -> Place:
    return Place(row.version, row.device_id, window_start_ms=row.start_ms, window_end_ms=row.end_ms)


def calibration_of(baseline: Baseline) -> Calibration | None:
    """Return what a baseline's labels say of its scores; None where the score is no probability."""
    score = baseline.score
    if score is None or score.kind == "value":
        return None
    nothing = np.zeros(len(score.counts))
    return Calibration(
        labelled=np.array(score.labelled, np.float64) if score.labelled else nothing,
        positive=np.array(score.positive, np.float64) if score.positive else nothing,
        predicted=(np.array([0.0, *score.edges]) >= 0.5).astype(np.float64),  # noqa: PLR2004  (the likelier of two)
        of_predicted=score.kind == "confidence",
    )


def _windows(session: Session, conditions: Sequence[ColumnElement[bool]]) -> Iterable[TruthWindowRow]:
    query = select(TruthWindowRow).where(*conditions)
    return session.exec(query.execution_options(yield_per=1000))
