"""Tables of the requests to train a model anew."""

from typing import Any

from sqlalchemy import JSON, BigInteger, Column, Index, text
from sqlmodel import Field, SQLModel

_IS_LIVE = text("state IN ('open', 'accepted')")


class RetrainingRow(SQLModel, table=True):
    """A request; of each model at most one is open or accepted."""

    __tablename__ = "retraining_requests"
    __table_args__ = (
        Index("one_live_request", "model", unique=True, sqlite_where=_IS_LIVE, postgresql_where=_IS_LIVE),
    )

    request_id: str = Field(primary_key=True)
    """Sortable: the time of opening comes first."""
    model: str = Field(foreign_key="models.name", index=True, max_length=64)
    state: str
    """A ``retraining.states.State``."""
    reason: str
    opened_by: str
    """A person's name, or ``rule:`` and the rule's."""
    opened_ms: int = Field(sa_column=Column(BigInteger, nullable=False))
    changed_ms: int = Field(sa_column=Column(BigInteger, nullable=False))
    changed_by: str
    since_ms: int = Field(sa_column=Column(BigInteger, nullable=False))
    """The data begin here."""
    version: str | None = None
    """What answered it."""
    evidence: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    """As it was when the request was opened."""


class RetrainingCauseRow(SQLModel, table=True):
    """An incident that has asked, and the request that it became part of."""

    __tablename__ = "retraining_causes"

    incident_id: str = Field(primary_key=True, foreign_key="incidents.incident_id", ondelete="CASCADE")
    request_id: str = Field(foreign_key="retraining_requests.request_id", index=True)
