"""Tables of the feedback room."""

from typing import Final

from sqlalchemy import JSON, BigInteger, Column, Index, LargeBinary, text
from sqlmodel import Field, SQLModel

WAITING: Final = text("reason <> ''")
"""Of a label that is not counted; literal, so that databases see that the partial index serves it."""
LABELLED: Final = text("labelled > 0")
"""Of a window with labels; literal too."""


class LabelRow(SQLModel, table=True):
    """The truth about one row of one version: as it is known now."""

    __tablename__ = "feedback_labels"
    __table_args__ = (
        Index("feedback_labels_by_window", "device_id", "model", "version", "window_start_ms"),
        Index("feedback_labels_waiting", "device_id", "reason", "time_ms"),
        Index("feedback_labels_by_age", "received_ms", sqlite_where=WAITING, postgresql_where=WAITING),
    )

    device_id: str = Field(primary_key=True, max_length=64)
    model: str = Field(primary_key=True, max_length=64)
    version: str = Field(primary_key=True, max_length=64)
    key: str = Field(primary_key=True, max_length=24)
    """``r`` and the row's number, or ``t`` and its time."""
    row: int | None = Field(sa_column=Column(BigInteger))
    time_ms: int | None = Field(sa_column=Column(BigInteger))
    label: float
    """A class's place in the manifest, or the number."""
    prediction: float | None
    outputs: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    """float64 probabilities; empty if unknown."""
    weight: float
    reason: str
    """Why it is not counted yet (``reasons.WaitReason``); empty if it is."""
    window_start_ms: int | None = Field(sa_column=Column(BigInteger))
    """Of the window that it is counted in."""
    window_end_ms: int | None = Field(sa_column=Column(BigInteger))
    received_ms: int = Field(sa_column=Column(BigInteger, nullable=False))
    """When it was last given otherwise than before, Unix milliseconds."""
    corrections: int = 0


class TruthWindowRow(SQLModel, table=True):
    """One window of a device and version: what its report says of performance, and what labels say."""

    __tablename__ = "feedback_windows"
    __table_args__ = (
        Index("feedback_windows_by_time", "model", "start_ms", "device_id"),
        Index("feedback_windows_by_device", "model", "device_id", "start_ms"),
        Index(
            "feedback_windows_labelled",
            "model",
            "start_ms",
            "device_id",
            sqlite_where=LABELLED,
            postgresql_where=LABELLED,
        ),
    )

    model: str = Field(primary_key=True, max_length=64)
    version: str = Field(primary_key=True, max_length=64)
    device_id: str = Field(primary_key=True, max_length=64)
    start_ms: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    end_ms: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    baseline_sha256: str
    rows: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    """Rows scored."""
    rows_beyond: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    """Of the feature that has most of them, the values beyond those that training saw."""
    score_counts: list[int] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    """Rows in each bin of the baseline's score."""
    metrics: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    """Custom metrics: MessagePack, name to ``device_contract.sketches.MetricSketch``."""
    labelled: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    """Labels counted in ``sums``."""
    sums: bytes = Field(default=b"", sa_column=Column(LargeBinary, nullable=False))
    """The sums over its labels, packed (``sums.pack``); empty without any."""
    received_ms: int = Field(sa_column=Column(BigInteger, nullable=False, index=True))
    """When its report came, the first of several, Unix milliseconds."""
    changed: int = Field(sa_column=Column(BigInteger, nullable=False, index=True))
    """Place in the order of changes, from 1; readers that follow keep the last one they saw."""


class ForgottenRow(SQLModel, table=True):
    """Up to when the windows of a device and version are forgotten, as far as they were reported."""

    __tablename__ = "feedback_forgotten"

    device_id: str = Field(primary_key=True, max_length=64)
    model: str = Field(primary_key=True, max_length=64)
    version: str = Field(primary_key=True, max_length=64)
    through_ms: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    """The latest end of them, event time."""


class FeedbackCursorRow(SQLModel, table=True):
    """How far the stored reports have been taken in; a single row, which every writer locks first."""

    __tablename__ = "feedback_cursor"

    name: str = Field(primary_key=True)
    ordinal: int = Field(sa_column=Column(BigInteger, nullable=False))
    """Of the last report that was taken in."""
    changes: int = Field(sa_column=Column(BigInteger, nullable=False))
    """How often a window has changed."""


class LabelRefusalRow(SQLModel, table=True):
    """How many labels of a device were refused for a reason, and what the last of them was."""

    __tablename__ = "feedback_refusals"

    model: str = Field(primary_key=True, max_length=64)
    device_id: str = Field(primary_key=True, max_length=64, index=True)
    """Empty for labels that name no device of the fleet."""
    reason: str = Field(primary_key=True)
    labels: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    first_ms: int = Field(sa_column=Column(BigInteger, nullable=False))
    last_ms: int = Field(sa_column=Column(BigInteger, nullable=False))
    detail: str = ""


class MetricLimitRow(SQLModel, table=True):
    """The limits of a custom metric's mean."""

    __tablename__ = "metric_limits"

    model: str = Field(primary_key=True, max_length=64)
    metric: str = Field(primary_key=True, max_length=64)
    below: float | None = None
    """A mean below this is too low."""
    above: float | None = None
    """A mean above this is too high."""
    minimum_count: int = Field(default=1, sa_column=Column(BigInteger, nullable=False))
    """With fewer values nothing is said."""
