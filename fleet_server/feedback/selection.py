"""Which windows are meant."""

from dataclasses import dataclass
from operator import eq, ge, lt
from typing import cast

from sqlalchemy import ColumnElement
from sqlmodel import col

from fleet_server.db import bounds
from fleet_server.feedback.tables import LABELLED, TruthWindowRow


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Which windows are meant; None is no bound.

    Attributes:
        model: The model.
        version: Of this version.
        device_id: Of this device.
        since_ms: That start at this time or later, event time.
        until_ms: That start before this time.
        is_labelled: Those with labels alone.
    """

    model: str
    version: str | None = None
    device_id: str | None = None
    since_ms: int | None = None
    until_ms: int | None = None
    is_labelled: bool = False

    def conditions(self) -> list[ColumnElement[bool]]:
        """Return the conditions on windows."""
        start_ms = col(TruthWindowRow.start_ms)
        chosen = bounds(
            (col(TruthWindowRow.version), eq, self.version),
            (col(TruthWindowRow.device_id), eq, self.device_id),
            (start_ms, ge, self.since_ms),
            (start_ms, lt, self.until_ms),
        )
        labelled = [cast("ColumnElement[bool]", LABELLED)] if self.is_labelled else []
        return [col(TruthWindowRow.model) == self.model, *chosen, *labelled]
