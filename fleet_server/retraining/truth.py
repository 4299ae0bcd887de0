"""What the feedback room knows, as a request needs it: figures of versions, and labels of rows."""

from collections.abc import Mapping, Sequence
from typing import Final

from sqlmodel import col, select

from fleet_server.db import Database
from fleet_server.feedback.intervals import Estimate
from fleet_server.feedback.labels import key_of
from fleet_server.feedback.queries import PerformanceService
from fleet_server.feedback.selection import Selection
from fleet_server.feedback.tables import LabelRow
from fleet_server.feedback.targets import Targets
from fleet_server.retraining.evidence import Figure
from fleet_server.retraining.rows import Label

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
        for each in self._performance.by_version(Selection(model=model, since_ms=since_ms, until_ms=until_ms)):
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

    def labels(self, model: str, version: str, device_id: str, rows: Sequence[int]) -> Mapping[int, Label]:
        """Return the labels of a device's rows, by their numbers; those without one are missing."""
        target = self._targets.find(model, version)
        classes = target.classes if target is not None else ()
        found: dict[int, Label] = {}
        query = select(LabelRow).where(
            LabelRow.model == model, LabelRow.version == version, LabelRow.device_id == device_id
        )
        with self._database.reading() as session:
            for start in range(0, len(rows), _CHUNK):
                keys = [key_of(row, None) for row in rows[start : start + _CHUNK]]
                for label in session.exec(query.where(col(LabelRow.key).in_(keys))):
                    value = classes[int(label.label)] if classes else label.label
                    found[label.row or 0] = Label(value, label.weight)
        return found


def _figure(version: str, name: str, estimate: Estimate, *, is_estimate: bool) -> Figure:
    return Figure(
        version=version,
        name=name,
        value=estimate.value,
        low=estimate.low,
        high=estimate.high,
        is_estimate=is_estimate,
    )
