"""Tables of the samples."""

from sqlalchemy import JSON, BigInteger, Column, Index, LargeBinary
from sqlmodel import Field, SQLModel


class SamplingPolicyRow(SQLModel, table=True):
    """What the devices of a group may send."""

    __tablename__ = "sampling_policies"

    name: str = Field(primary_key=True, max_length=64)
    labels: dict[str, str] = Field(sa_column=Column(JSON, nullable=False))
    rows_per_window: int
    minimum_rows: int = Field(sa_column=Column(BigInteger, nullable=False))
    redacted: list[str] = Field(sa_column=Column(JSON, nullable=False))
    explain: bool
    key: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    """Never shown: whoever knows it can tell beforehand which rows will be sent."""
    changed_ms: int = Field(sa_column=Column(BigInteger, nullable=False))
    changed_by: str


class SampleRow(SQLModel, table=True):
    """Some rows of one window of a device, as they came in one message."""

    __tablename__ = "samples"
    __table_args__ = (
        Index("samples_by_model", "model", "ordinal"),
        Index("samples_by_row", "device_id", "last_row"),
    )

    device_id: str = Field(primary_key=True, max_length=64)
    boot_id: str = Field(primary_key=True, max_length=16)
    sequence: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    ordinal: int = Field(sa_column=Column(BigInteger, nullable=False, unique=True))
    """Place in the order of arrival, from 1."""
    slot: str
    model: str
    version: str
    bundle_sha256: str
    window_start_ms: int = Field(sa_column=Column(BigInteger, nullable=False))
    window_end_ms: int = Field(sa_column=Column(BigInteger, nullable=False))
    rows_seen: int = Field(sa_column=Column(BigInteger, nullable=False))
    """Rows of the window, from which these were drawn."""
    first_row: int = Field(sa_column=Column(BigInteger, nullable=False))
    """The least of the rows' numbers, and ..."""
    last_row: int = Field(sa_column=Column(BigInteger, nullable=False))
    """... the greatest."""
    rows: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    """As they came: MessagePack of ``device_contract.samples.SampledRow``."""
    received_ms: int = Field(sa_column=Column(BigInteger, nullable=False, index=True))
