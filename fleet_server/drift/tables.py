"""Tables of the drift room."""

from typing import Any

from sqlalchemy import JSON, BigInteger, Column, Index, Integer, LargeBinary
from sqlmodel import Field, SQLModel

_ORDINAL = BigInteger().with_variant(Integer, "sqlite")
"""BIGINT does not count up by itself in SQLite, and has an index beside the table; INTEGER is the row's own number."""


def _counted() -> Column[int]:
    return Column(_ORDINAL, primary_key=True)


class DriftCursorRow(SQLModel, table=True):
    """How far the stored reports have been taken in; a single row."""

    __tablename__ = "drift_cursor"

    name: str = Field(primary_key=True)
    ordinal: int = Field(sa_column=Column(BigInteger, nullable=False))


class WaitingWindowRow(SQLModel, table=True):
    """A report that was taken in and waits for the rest of the fleet; a version's part of a device's window."""

    __tablename__ = "drift_waiting"
    __table_args__ = (Index("drift_waiting_by_window", "model", "start_ms", "end_ms"),)

    ordinal: int = Field(sa_column=Column(_ORDINAL, primary_key=True, autoincrement=False))
    """The report's."""
    model: str
    start_ms: int = Field(sa_column=Column(BigInteger, nullable=False))
    end_ms: int = Field(sa_column=Column(BigInteger, nullable=False))
    device_id: str = Field(index=True)
    version: str
    baseline_sha256: str
    summary_sha256: str
    """Of the report's statistics, by which the same window under another key is known."""


class DriftDeviceRow(SQLModel, table=True):
    """How far a device has come with a model."""

    __tablename__ = "drift_devices"
    __table_args__ = (Index("drift_devices_by_model", "model", "current", "device_id"),)

    device_id: str = Field(primary_key=True)
    model: str = Field(primary_key=True)
    version: str
    """Of its latest window, as are the fields that follow."""
    bundle_sha256: str
    watermark_ms: int = Field(sa_column=Column(BigInteger, nullable=False))
    """Start of its latest window."""
    window_ms: int = Field(sa_column=Column(BigInteger, nullable=False))
    current: bool
    """Whether this is the model of the device's latest window."""
    judged_ms: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    """End of its last window that was judged."""


class GroupingRow(SQLModel, table=True):
    """By which label a model's devices were grouped when they were last judged."""

    __tablename__ = "drift_groupings"

    model: str = Field(primary_key=True)
    label: str
    """Empty: all devices were one group."""


class DevicePastRow(SQLModel, table=True):
    """What the detectors keep of one device: of its features, or of its model's outputs."""

    __tablename__ = "drift_pasts"

    model: str = Field(primary_key=True)
    device_id: str = Field(primary_key=True)
    half: str = Field(primary_key=True)
    """``features`` or ``outputs``."""
    reference: str
    """Digest of what it was compared with, and the windows in a season."""
    baseline_sha256: str
    """Of which that is a half."""
    version: str
    group_label: str
    """By which its peers were chosen; empty: all devices were."""
    data: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    """``detectors.pack`` made it."""


class FleetPastRow(SQLModel, table=True):
    """What the detectors keep of the whole fleet's common movement."""

    __tablename__ = "drift_fleet_pasts"

    model: str = Field(primary_key=True)
    reference: str = Field(primary_key=True)
    end_ms: int = Field(sa_column=Column(BigInteger, nullable=False))
    """End of the last window in it."""
    group_label: str
    """By which its groups are formed."""
    data: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class FleetWindowRow(SQLModel, table=True):
    """The fleet's common movement in one window: the chart's history, and what late devices are judged by."""

    __tablename__ = "drift_fleet_windows"

    model: str = Field(primary_key=True)
    reference: str = Field(primary_key=True)
    start_ms: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    end_ms: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    devices: int
    judged_at_ms: int = Field(sa_column=Column(BigInteger, nullable=False, index=True))
    """When the server judged, Unix milliseconds."""
    data: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class JudgedWindowRow(SQLModel, table=True):
    """What was found in one window of one device."""

    __tablename__ = "drift_judged"
    __table_args__ = (
        Index("drift_judged_by_window", "model", "start_ms", "ordinal"),
        Index("drift_judged_by_device", "device_id", "model", "start_ms"),
    )

    ordinal: int | None = Field(default=None, sa_column=_counted())
    model: str
    device_id: str
    version: str
    start_ms: int = Field(sa_column=Column(BigInteger, nullable=False))
    end_ms: int = Field(sa_column=Column(BigInteger, nullable=False))
    rows: int = Field(sa_column=Column(BigInteger, nullable=False))
    judged_at_ms: int = Field(sa_column=Column(BigInteger, nullable=False))
    """When the server judged, Unix milliseconds."""
    data: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    """``drift.judged`` made it."""


class VerdictRow(SQLModel, table=True):
    """The present verdict of one comparison of one device, or of the whole fleet of a model."""

    __tablename__ = "verdicts"
    __table_args__ = (Index("verdicts_by_model", "model", "kind", "verdict"),)

    device_id: str = Field(primary_key=True)
    """``verdict.WHOLE_FLEET`` for the kind ``fleet``."""
    model: str = Field(primary_key=True)
    kind: str = Field(primary_key=True)
    """``training``, ``own``, ``peers`` or ``fleet``."""
    group: str = Field(primary_key=True)
    """Of the kind ``fleet`` the devices' group; else empty."""
    version: str
    verdict: str
    features: list[str] = Field(sa_column=Column(JSON, nullable=False))
    outputs: list[str] = Field(sa_column=Column(JSON, nullable=False))
    severity: float
    since_ms: int = Field(sa_column=Column(BigInteger, nullable=False))
    """Start of the window with which this verdict, or its first drifting stream, began; event time."""
    stream_since_ms: dict[str, int] = Field(sa_column=Column(JSON, nullable=False))
    """The same for each drifting stream."""
    cause: str
    """What it most likely is, as a stable word; empty where nothing drifts."""
    sentence: str
    advice: str
    """What to do; empty where nothing is."""
    evidence: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))


class VerdictChangeRow(SQLModel, table=True):
    """A verdict that came, went, or named other streams or another cause."""

    __tablename__ = "verdict_changes"
    __table_args__ = (
        Index("verdict_changes_by_device", "device_id", "model", "ordinal"),
        Index("verdict_changes_by_model", "model", "ordinal"),
        Index("verdict_changes_by_kind", "model", "kind", "ordinal"),
    )

    ordinal: int | None = Field(default=None, sa_column=_counted())
    device_id: str
    model: str
    kind: str
    group: str = ""
    version: str
    verdict_before: str
    verdict: str
    features: list[str] = Field(sa_column=Column(JSON, nullable=False))
    outputs: list[str] = Field(sa_column=Column(JSON, nullable=False))
    severity: float
    since_ms: int = Field(sa_column=Column(BigInteger, nullable=False))
    changed_ms: int = Field(sa_column=Column(BigInteger, nullable=False))
    """When the server judged, Unix milliseconds."""
    stream_since_ms: dict[str, int] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    cause: str = ""
    sentence: str
    advice: str = ""
    evidence: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    """Of the drifting streams."""


class DriftPolicyRow(SQLModel, table=True):
    """How one model's devices are judged, where it differs from the server's defaults."""

    __tablename__ = "drift_policies"

    model: str = Field(primary_key=True, foreign_key="models.name")
    false_alarms: float | None
    """Expected for each 1000 devices a month; null: the server's default."""
    group_label: str | None
    """Label whose value makes the peers' group, empty for one group of all; null: the server's default."""
    tolerance_sd: float
    """Differences below it do not matter, in training standard deviations."""
    changed_ms: int = Field(sa_column=Column(BigInteger, nullable=False))
    changed_by: str
