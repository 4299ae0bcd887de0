"""Tables of who is told, and of what is on its way to them."""

from sqlalchemy import BigInteger, Column, LargeBinary
from sqlmodel import Field, SQLModel


class ReceiverRow(SQLModel, table=True):
    """Somebody, or something, that is told."""

    __tablename__ = "receivers"

    name: str = Field(primary_key=True, max_length=64)
    kind: str
    """``webhook``, ``mail`` or ``mqtt``."""
    address: str
    """A URL, an e-mail address; nothing for MQTT, whose topic is fixed."""
    minimum_severity: str
    """What is less severe is not told."""
    secret: str
    """Key of a webhook's HMAC; stored in the clear, since the server signs with it."""
    created_ms: int = Field(sa_column=Column(BigInteger, nullable=False))


class DeliveryRow(SQLModel, table=True):
    """One notice on its way to one receiver; removed when it has arrived."""

    __tablename__ = "deliveries"

    delivery_id: str = Field(primary_key=True)
    receiver: str = Field(foreign_key="receivers.name", ondelete="CASCADE", index=True)
    body: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    """As it is sent; for e-mail, a ``routing.notices.Letter``."""
    attempts: int = 0
    due_ms: int = Field(sa_column=Column(BigInteger, nullable=False, index=True))
    last_error: str = ""
