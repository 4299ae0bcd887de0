"""Table of the audit log."""

from typing import Any

from sqlalchemy import JSON, BigInteger, Column, Integer
from sqlmodel import Field, SQLModel


class AuditRow(SQLModel, table=True):
    """One change."""

    __tablename__ = "audit"

    # BIGINT does not count up by itself in SQLite, INTEGER does
    ordinal: int | None = Field(
        default=None, sa_column=Column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    )
    time_ms: int = Field(sa_column=Column(BigInteger, nullable=False, index=True))
    actor: str
    action: str = Field(index=True)
    subject: str = Field(index=True)
    detail: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
