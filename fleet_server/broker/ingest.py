"""From MQTT to the database: batches, one transaction each, acknowledged after the commit."""

from collections.abc import Callable
from dataclasses import dataclass

from sqlmodel import Session

from device_contract.messages import Message


@dataclass(frozen=True)
class Inbound:
    """A decoded message, from the device that its topic names."""

    device_id: str
    message: Message


@dataclass(frozen=True)
class Outbound:
    """A message to publish once the transaction that caused it has committed."""

    topic: str
    payload: bytes
    retain: bool = False


Handler = Callable[[Session, list[Inbound]], list[Outbound]]
"""Stores a batch of messages of one kind inside the caller's transaction.

It must be free of side effects outside the session: after an error it is called
again with each message by itself.
"""
