"""Tables of the drift room."""

from typing import Any

from sqlalchemy import JSON, BigInteger, Column, Integer, LargeBinary
from sqlmodel import Field, SQLModel


class DriftCursorRow(SQLModel, table=True):
    """How far the stored windows have been taken in; a single row."""

    __tablename__ = "drift_cursor"

    name: str = Field(primary_key=True)
    ordinal: int = Field(sa_column=Column(BigInteger, nullable=False))


class DriftWindowRow(SQLModel, table=True):
    """What one device says of one window: kept for its peers, also for those that report late."""

    __tablename__ = "drift_windows"

    model: str = Field(primary_key=True)
    start_ms: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    end_ms: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    device_id: str = Field(primary_key=True)
    data: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    """An encoded ``drift.windows.DeviceWindow``."""
    judged: bool = Field(default=False, index=True)


class DriftStateRow(SQLModel, table=True):
    """The detectors' state for one device and model."""

    __tablename__ = "drift_states"

    device_id: str = Field(primary_key=True)
    model: str = Field(primary_key=True)
    version: str
    current: bool = Field(index=True)
    """Whether this is the model of the device's latest window."""
    watermark_ms: int = Field(sa_column=Column(BigInteger, nullable=False))
    """Start of the device's latest window."""
    window_ms: int = Field(sa_column=Column(BigInteger, nullable=False))
    """Length of the device's latest window."""
    units: dict[str, str] = Field(sa_column=Column(JSON, nullable=False))
    training: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    """An encoded ``drift.training.TrainingState``."""
    peers: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    """An encoded ``drift.streams.StreamStates``."""


class VerdictRow(SQLModel, table=True):
    """The present verdict of one comparison of one device."""

    __tablename__ = "verdicts"

    device_id: str = Field(primary_key=True)
    model: str = Field(primary_key=True)
    kind: str = Field(primary_key=True)
    """``training`` or ``peers``."""
    version: str
    verdict: str
    features: list[str] = Field(sa_column=Column(JSON, nullable=False))
    outputs: list[str] = Field(sa_column=Column(JSON, nullable=False))
    severity: float
    since_ms: int = Field(sa_column=Column(BigInteger, nullable=False))
    """Start of the window with which this verdict began, event time."""
    evidence: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    sentence: str


class VerdictChangeRow(SQLModel, table=True):
    """A verdict that came, went, or named other streams."""

    __tablename__ = "verdict_changes"

    # BIGINT does not count up by itself in SQLite, INTEGER does
    ordinal: int | None = Field(
        default=None, sa_column=Column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    )
    device_id: str = Field(index=True)
    model: str
    kind: str
    version: str
    verdict_before: str
    verdict: str
    features: list[str] = Field(sa_column=Column(JSON, nullable=False))
    outputs: list[str] = Field(sa_column=Column(JSON, nullable=False))
    severity: float
    since_ms: int = Field(sa_column=Column(BigInteger, nullable=False))
    changed_ms: int = Field(sa_column=Column(BigInteger, nullable=False))
    """When the server judged, Unix milliseconds."""
    evidence: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    """Of the drifting streams."""
    sentence: str


class DriftPolicyRow(SQLModel, table=True):
    """How one model's devices are judged, where it differs from the server's defaults."""

    __tablename__ = "drift_policies"

    model: str = Field(primary_key=True, foreign_key="models.name")
    false_alarms: float | None
    """Expected for each 1000 devices a month; null: the server's default."""
    group_label: str | None
    """Label whose value makes the peers' group, empty for one group of all; null: the server's default."""
    changed_ms: int = Field(sa_column=Column(BigInteger, nullable=False))
    changed_by: str
