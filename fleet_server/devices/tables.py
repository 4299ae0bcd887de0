"""Tables of the devices."""

from typing import Any

from sqlalchemy import JSON, BigInteger, Column, Index
from sqlmodel import Field, SQLModel


class DeviceRow(SQLModel, table=True):
    """A device and the state that it last reported."""

    __tablename__ = "devices"

    device_id: str = Field(primary_key=True, max_length=64)
    state: str
    """``active`` or ``revoked``."""
    profile: str
    enrolled_ms: int = Field(sa_column=Column(BigInteger, nullable=False))
    certificate_expires_ms: int = Field(sa_column=Column(BigInteger, nullable=False))
    online: bool = False
    boot_id: str = ""
    agent_version: str = ""
    processor: str = ""
    last_seen_ms: int | None = Field(default=None, sa_column=Column(BigInteger))
    phase: str = "idle"
    reason_code: str = ""
    detail: str = ""
    action_id: str = ""
    slots: list[dict[str, Any]] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    rows_scored: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    outbox_reports: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    counters: dict[str, int] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))


class DeviceLabelRow(SQLModel, table=True):
    """A label of a device."""

    __tablename__ = "device_labels"
    __table_args__ = (Index("device_labels_by_value", "key", "value"),)

    device_id: str = Field(primary_key=True, foreign_key="devices.device_id")
    key: str = Field(primary_key=True)
    value: str


class DeviceCertificateRow(SQLModel, table=True):
    """A certificate that a device was given."""

    __tablename__ = "device_certificates"

    serial: str = Field(primary_key=True)
    device_id: str = Field(foreign_key="devices.device_id", index=True)
    issued_ms: int = Field(sa_column=Column(BigInteger, nullable=False))
    expires_ms: int = Field(sa_column=Column(BigInteger, nullable=False))
    revoked_ms: int | None = Field(default=None, sa_column=Column(BigInteger, index=True))


class EnrollmentTokenRow(SQLModel, table=True):
    """A one-time token; its secret is not stored."""

    __tablename__ = "enrollment_tokens"

    token_id: str = Field(primary_key=True)
    secret_sha256: str
    device_id: str = Field(index=True)
    labels: dict[str, str] = Field(sa_column=Column(JSON, nullable=False))
    created_ms: int = Field(sa_column=Column(BigInteger, nullable=False))
    expires_ms: int = Field(sa_column=Column(BigInteger, nullable=False))
    used_ms: int | None = Field(default=None, sa_column=Column(BigInteger))
