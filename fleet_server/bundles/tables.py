"""Tables of models and their bundles."""

from sqlalchemy import JSON, BigInteger, Column, LargeBinary
from sqlmodel import Field, SQLModel


class ModelRow(SQLModel, table=True):
    """A model, and the keys that may sign its releases."""

    __tablename__ = "models"

    name: str = Field(primary_key=True, max_length=64)
    public_keys: list[str] = Field(sa_column=Column(JSON, nullable=False))
    """Ed25519, raw, hexadecimal."""
    threshold: int
    created_ms: int = Field(sa_column=Column(BigInteger, nullable=False))


class BundleRow(SQLModel, table=True):
    """A published bundle: one version of a model, for one profile or portable."""

    __tablename__ = "bundles"

    sha256: str = Field(primary_key=True)
    model: str = Field(foreign_key="models.name", index=True)
    version: str
    profile: str | None
    target_path: str = Field(unique=True)
    size_bytes: int = Field(sa_column=Column(BigInteger, nullable=False))
    release_counter: int = Field(sa_column=Column(BigInteger, nullable=False))
    baseline_sha256: str = Field(foreign_key="baselines.sha256", index=True)
    manifest: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    signature: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    published_ms: int = Field(sa_column=Column(BigInteger, nullable=False))
    published_by: str


class BaselineRow(SQLModel, table=True):
    """A baseline, out of its bundle, so that drift is told without opening archives."""

    __tablename__ = "baselines"

    sha256: str = Field(primary_key=True)
    data: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
