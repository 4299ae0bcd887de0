"""Tables of the archive."""

from sqlalchemy import BigInteger, Column
from sqlmodel import Field, SQLModel


class ArchiveCursorRow(SQLModel, table=True):
    """How far a source has been written."""

    __tablename__ = "archive_cursors"

    source: str = Field(primary_key=True)
    ordinal: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    """Everything up to this ordinal is in files that are synced to disk."""
    writing: int | None = Field(default=None, sa_column=Column(BigInteger))
    """End of the range whose files are being written; after a crash the same range is written again."""
    caught_up_ms: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    """When nothing was left to write, Unix milliseconds."""
