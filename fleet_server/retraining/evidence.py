"""What speaks for training a model anew."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Protocol

from sqlalchemy import func
from sqlmodel import Session, col, select

from fleet_server.alerts.tables import IncidentRow
from fleet_server.drift.tables import VerdictRow

MAX_INCIDENTS: Final = 20
DATA_DAYS: Final = 30


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A figure of a version's performance, with its interval."""

    version: str
    name: str
    """Such as ``accuracy``."""
    value: float
    low: float
    high: float
    is_estimate: bool
    """Whether it was estimated without labels."""


class Performance(Protocol):
    """Whoever knows how well a model does."""

    def figures(self, model: str, since_ms: int, until_ms: int) -> Sequence[Figure]:
        """Return the figures of the model's versions over [since_ms, until_ms)."""


def gather(session: Session, model: str, figures: Sequence[Figure]) -> dict[str, Any]:
    """Return what is known against a model now, as JSON.

    Args:
        session: A transaction.
        model: The model.
        figures: Its performance.
    """
    return {
        "verdicts": _verdicts(session, model),
        "incidents": [_incident(row) for row in _incidents(session, model)],
        "performance": [asdict(figure) for figure in figures],
    }


def _verdicts(session: Session, model: str) -> dict[str, dict[str, int]]:
    """Return how many devices have which verdict, by kind; of the kind ``fleet``, how many groups."""
    query = select(VerdictRow.kind, VerdictRow.verdict, func.count()).where(VerdictRow.model == model)
    counts: dict[str, dict[str, int]] = {}
    for kind, verdict, count in session.exec(query.group_by(VerdictRow.kind, VerdictRow.verdict)):
        counts.setdefault(kind, {})[verdict] = count
    return counts


def _incidents(session: Session, model: str) -> Sequence[IncidentRow]:
    query = select(IncidentRow).where(IncidentRow.model == model, IncidentRow.state == "open")
    return session.exec(query.order_by(col(IncidentRow.incident_id).desc()).limit(MAX_INCIDENTS)).all()


def _incident(row: IncidentRow) -> dict[str, Any]:
    told = ("incident_id", "severity", "rule", "kind", "features", "devices", "sentence", "opened_ms")
    return {name: getattr(row, name) for name in told}
