"""Tables of the telemetry."""

from sqlalchemy import BigInteger, Column, Index, LargeBinary
from sqlmodel import Field, SQLModel


class WindowRow(SQLModel, table=True):
    """One report: the statistics of one window of one device."""

    __tablename__ = "reports"
    __table_args__ = (
        Index("reports_by_window", "device_id", "model", "window_start_ms", "ordinal"),
        Index("reports_by_model", "model", "window_start_ms", "ordinal"),
    )

    device_id: str = Field(primary_key=True, max_length=64)
    boot_id: str = Field(primary_key=True, max_length=16)
    sequence: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    ordinal: int = Field(sa_column=Column(BigInteger, nullable=False, unique=True))
    """Place in the order of arrival, from 1; readers that follow keep the last one they saw."""
    slot: str
    model: str
    version: str
    bundle_sha256: str
    baseline_sha256: str
    window_start_ms: int = Field(sa_column=Column(BigInteger, nullable=False))
    window_end_ms: int = Field(sa_column=Column(BigInteger, nullable=False))
    merged_windows: int = Field(sa_column=Column(BigInteger, nullable=False))
    rows: int = Field(sa_column=Column(BigInteger, nullable=False))
    summary: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    """As it came: an encoded ``device_contract.sketches.WindowSummary``."""
    received_ms: int = Field(sa_column=Column(BigInteger, nullable=False))


class TelemetryTotalsRow(SQLModel, table=True):
    """What a device's stored reports add up to."""

    __tablename__ = "telemetry_totals"

    device_id: str = Field(primary_key=True, max_length=64)
    rows_scored: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    """Rows of the windows that answered: those of the shadow are not counted."""
    reports_ingested: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    last_window_end_ms: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    """End of the latest window, in event time."""
    last_received_ms: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))


class RefusalRow(SQLModel, table=True):
    """How many of a device's reports were refused or not judged for one reason, and the last of them."""

    __tablename__ = "report_refusals"

    device_id: str = Field(primary_key=True, max_length=64)
    reason: str = Field(primary_key=True)
    """A key of ``refusals.REASONS``."""
    reports: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    first_ms: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    """When the server saw the first of them, Unix milliseconds."""
    last_ms: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    sequence: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    """Of the last report, as are the fields that follow."""
    window_start_ms: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    window_end_ms: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    detail: str = ""
