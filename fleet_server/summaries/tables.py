"""Table of who gets summaries."""

from sqlalchemy import BigInteger, Column
from sqlmodel import Field, SQLModel


class SubscriptionRow(SQLModel, table=True):
    """A receiver that gets a summary, again and again."""

    __tablename__ = "summary_subscriptions"

    subscription_id: str = Field(primary_key=True)
    receiver: str = Field(foreign_key="receivers.name", ondelete="CASCADE", index=True, max_length=64)
    model: str | None = None
    """Of what; ``None``: of the whole fleet."""
    every: str
    """A ``schedule.Every``."""
    hour: int
    """Of the day, UTC."""
    last_ms: int = Field(sa_column=Column(BigInteger, nullable=False))
    """When it was sent last, or arranged."""
