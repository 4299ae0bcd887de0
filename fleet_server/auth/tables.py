"""Table of the API tokens."""

from sqlalchemy import BigInteger, Column
from sqlmodel import Field, SQLModel


class TokenRow(SQLModel, table=True):
    """A token; the secret itself is not stored."""

    __tablename__ = "api_tokens"

    token_id: str = Field(primary_key=True)
    name: str
    role: str
    sha256: str = Field(unique=True, index=True)
    created_ms: int = Field(sa_column=Column(BigInteger, nullable=False))
    expires_ms: int = Field(sa_column=Column(BigInteger, nullable=False))
