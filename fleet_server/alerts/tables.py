"""Tables of the alerts."""

from typing import Any

from sqlalchemy import JSON, BigInteger, Column, Index, text
from sqlmodel import Field, SQLModel


def _milliseconds(*, nullable: bool = False, index: bool = False) -> Column[int]:
    return Column(BigInteger, nullable=nullable, index=index)


def _json() -> Column[Any]:
    return Column(JSON, nullable=False)


class RuleRow(SQLModel, table=True):
    """A rule that an operator has written, or changed."""

    __tablename__ = "alert_rules"

    name: str = Field(primary_key=True, max_length=64)
    document: dict[str, Any] = Field(sa_column=_json())
    """An ``alerts.language.Rule``."""
    changed_ms: int = Field(sa_column=_milliseconds())
    changed_by: str


class WatchRow(SQLModel, table=True):
    """What a rule remembers of a subject that is not quiet."""

    __tablename__ = "alert_watches"

    rule: str = Field(primary_key=True, max_length=64)
    subject: str = Field(primary_key=True, index=True)
    phase: str
    windows: int
    since_ms: int = Field(sa_column=_milliseconds())
    window_ms: int | None = Field(default=None, sa_column=_milliseconds(nullable=True))
    closed_ms: int | None = Field(default=None, sa_column=_milliseconds(nullable=True))
    due_ms: int | None = Field(default=None, sa_column=_milliseconds(nullable=True, index=True))
    """When it opens by itself."""
    reading: dict[str, Any] = Field(sa_column=_json())
    """The latest ``alerts.readings.Reading``, which the alert will say."""
    alert_id: str | None = None
    """Its alert, while it is open."""


class AlertRow(SQLModel, table=True):
    """An alert; of those with the same subject at most one is open."""

    __tablename__ = "alerts"
    __table_args__ = (
        Index(
            "one_open_alert",
            "subject",
            unique=True,
            sqlite_where=text("state = 'open'"),
            postgresql_where=text("state = 'open'"),
        ),
        Index("alerts_by_state", "state", "alert_id"),
        Index("alerts_by_incident", "incident_id", "alert_id"),
    )

    alert_id: str = Field(primary_key=True)
    """Sortable: the time of opening comes first."""
    subject: str
    """Rule and what it is about: the key by which repeats are told."""
    state: str
    """``open`` or ``closed``."""
    severity: str
    rule: str = Field(index=True)
    signal: str
    kind: str
    """The signal in a word: ``peers``, ``training``, ``deployment.paused`` ..."""
    device_id: str | None = Field(default=None, index=True)
    model: str | None = None
    version: str | None = None
    deployment_id: str | None = None
    incident_id: str = Field(foreign_key="incidents.incident_id")
    features: list[str] = Field(sa_column=_json())
    value: int | float | str | None = Field(default=None, sa_column=Column(JSON(none_as_null=True)))
    """SQLite gives a whole number back as an ``int``."""
    sentence: str
    evidence: dict[str, Any] = Field(sa_column=_json())
    opened_ms: int = Field(sa_column=_milliseconds())
    closed_ms: int | None = Field(default=None, sa_column=_milliseconds(nullable=True))
    acknowledged_ms: int | None = Field(default=None, sa_column=_milliseconds(nullable=True))
    acknowledged_by: str | None = None


class IncidentRow(SQLModel, table=True):
    """Alerts of one cause, told of as one."""

    __tablename__ = "incidents"
    __table_args__ = (
        Index("incidents_by_state", "state", "incident_id"),
        Index("incidents_by_model", "model", "incident_id"),
    )

    incident_id: str = Field(primary_key=True)
    """Sortable: the time of opening comes first."""
    state: str
    """``open`` or ``closed``."""
    severity: str
    """The worst of its open alerts; of a closed one, the last that it had."""
    rule: str
    kind: str
    model: str | None = None
    deployment_id: str | None = None
    features: list[str] = Field(sa_column=_json())
    """Those that all its alerts share."""
    devices: int
    """How many devices its open alerts are of; of a closed one, how many it had at most."""
    sentence: str
    first_sentence: str
    """That of its first alert."""
    owner: str
    receivers: list[str] = Field(sa_column=_json())
    opened_ms: int = Field(sa_column=_milliseconds())
    joined_ms: int = Field(sa_column=_milliseconds())
    """When its last alert opened."""
    closed_ms: int | None = Field(default=None, sa_column=_milliseconds(nullable=True))
    closed_by: str | None = None
    """A person's name; empty if its alerts closed by themselves."""
    acknowledged_ms: int | None = Field(default=None, sa_column=_milliseconds(nullable=True))
    acknowledged_by: str | None = None
    merged_into: str | None = None
    """The incident of the whole fleet that it turned out to be part of."""
    asks_retraining: bool = False
    untold: bool = Field(index=True)
    """Whether there is something that the receivers have not been told."""
    told_severity: str | None = None
    """What they were told last; ``None``: nothing yet."""


class SilenceRow(SQLModel, table=True):
    """A time in which nobody is told of some alerts."""

    __tablename__ = "silences"

    silence_id: str = Field(primary_key=True)
    matcher: dict[str, Any] = Field(sa_column=_json())
    """An ``alerts.silences.Matcher``."""
    reason: str
    created_by: str
    created_ms: int = Field(sa_column=_milliseconds())
    until_ms: int = Field(sa_column=_milliseconds(index=True))


class AlertCursorRow(SQLModel, table=True):
    """How far a source of readings has been followed."""

    __tablename__ = "alert_cursor"

    name: str = Field(primary_key=True)
    ordinal: int = Field(sa_column=_milliseconds())
