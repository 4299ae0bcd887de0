"""Tables of the alerts."""

from typing import Any

from sqlalchemy import JSON, BigInteger, Column, Index, LargeBinary, text
from sqlmodel import Field, SQLModel


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
    )

    alert_id: str = Field(primary_key=True)
    """Sortable: the time of opening comes first."""
    subject: str
    """Kind and what it is about: the key by which repeats are told."""
    state: str = Field(index=True)
    """``open`` or ``closed``."""
    severity: str
    kind: str
    """``peers``, ``training`` or ``rollout``."""
    device_id: str | None = Field(default=None, index=True)
    model: str
    version: str
    deployment_id: str | None = None
    features: list[str] = Field(sa_column=Column(JSON, nullable=False))
    sentence: str
    evidence: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    opened_ms: int = Field(sa_column=Column(BigInteger, nullable=False))
    closed_ms: int | None = Field(default=None, sa_column=Column(BigInteger))
    acknowledged_ms: int | None = Field(default=None, sa_column=Column(BigInteger))
    acknowledged_by: str | None = None


class AlertCursorRow(SQLModel, table=True):
    """How far the changes of verdicts have been considered; a single row."""

    __tablename__ = "alert_cursor"

    name: str = Field(primary_key=True)
    ordinal: int = Field(sa_column=Column(BigInteger, nullable=False))


class WebhookRow(SQLModel, table=True):
    """An address that gets the alerts."""

    __tablename__ = "webhooks"

    webhook_id: str = Field(primary_key=True)
    url: str
    secret: str
    """Key of the deliveries' HMAC; stored in the clear, since the server signs with it."""
    created_ms: int = Field(sa_column=Column(BigInteger, nullable=False))


class DeliveryRow(SQLModel, table=True):
    """One alert's news on its way to one webhook; removed when it has arrived."""

    __tablename__ = "webhook_deliveries"

    delivery_id: str = Field(primary_key=True)
    webhook_id: str = Field(foreign_key="webhooks.webhook_id", ondelete="CASCADE", index=True)
    body: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    attempts: int = 0
    due_ms: int = Field(sa_column=Column(BigInteger, nullable=False, index=True))
    last_error: str = ""
