"""What the feedback room knows, as a request needs it: figures of versions, and labels of rows."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from sqlalchemy import ColumnElement
from sqlmodel import Session, col, select

from fleet_server.db import Database
from fleet_server.feedback.intervals import Estimate
from fleet_server.feedback.labels import key_of
from fleet_server.feedback.queries import MOST_WINDOWS, PerformanceService
from fleet_server.feedback.selection import Selection
from fleet_server.feedback.tables import LabelRow
from fleet_server.feedback.targets import Targets
from fleet_server.retraining.evidence import Figure
from fleet_server.retraining.rows import Label, RowPlace

_CHUNK: Final = 500


class VersionFigures:
    """Figures of versions, from labels and, where there are none, without.

    Args:
        performance: Knows them.
    """

    def __init__(self, performance: PerformanceService) -> None:
        self._performance = performance

    def figures(self, model: str, since_ms: int, until_ms: int) -> Sequence[Figure]:
        """Return the figures of the model's versions over [since_ms, until_ms), event time."""
        found: list[Figure] = []
        selection = Selection(model=model, since_ms=since_ms, until_ms=until_ms)
        for each in self._performance.by_version(selection, most_windows=MOST_WINDOWS):
            told = each.group.figures()
            expected = {name: figure for name, figure in each.expectation.figures.items() if name not in told}
            found += [_figure(each.place.version, *item, is_estimate=False) for item in told.items()]
            found += [_figure(each.place.version, *item, is_estimate=True) for item in expected.items()]
        return found


class RowLabels:
    """Labels of rows.

    Args:
        database: Where they are.
        targets: Know how a version's classes are called.
    """

    def __init__(self, database: Database, targets: Targets) -> None:
        self._database = database
        self._targets = targets

    def labels(self, model: str, places: Sequence[RowPlace]) -> Mapping[RowPlace, Label]:
        """Return the labels of a model's rows, by number or else by event time; those without one are missing."""
        by_scorer: dict[tuple[str, str], list[RowPlace]] = defaultdict(list)
        for place in places:
            by_scorer[place.device_id, place.version].append(place)
        found: dict[RowPlace, Label] = {}
        with self._database.reading() as session:
            for (device_id, version), theirs in by_scorer.items():
                scored = [LabelRow.model == model, LabelRow.version == version, LabelRow.device_id == device_id]
                known = self._known(session, scored, sorted({key for place in theirs for key in _keys(place)}))
                for place in theirs:
                    label = next((known[key] for key in _keys(place) if key in known), None)
                    if label is not None:
                        found[place] = label
        return found

    def _known(
        self, session: Session, scored: Iterable[ColumnElement[bool] | bool], keys: Sequence[str]
    ) -> dict[str, Label]:
        query = select(LabelRow).where(*scored)
        return {
            label.key: Label(self._value(label), label.weight)
            for start in range(0, len(keys), _CHUNK)
            for label in session.exec(query.where(col(LabelRow.key).in_(keys[start : start + _CHUNK])))
        }

    def _value(self, label: LabelRow) -> float | str:
        target = self._targets.find(label.model, label.version)
        return target.classes[int(label.label)] if target is not None and target.classes else label.label


def _keys(place: RowPlace) -> list[str]:
    by_time = [] if place.time_ms is None else [key_of(None, place.time_ms)]
    return [key_of(place.row, None), *by_time]


def _figure(version: str, name: str, estimate: Estimate, *, is_estimate: bool) -> Figure:
    return Figure(
        version=version,
        name=name,
        value=estimate.value,
        low=estimate.low,
        high=estimate.high,
        is_estimate=is_estimate,
    )
