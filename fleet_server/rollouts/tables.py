"""Tables of the rollouts."""

from typing import Any, Final

from sqlalchemy import JSON, BigInteger, Column, Index, LargeBinary, Text
from sqlmodel import Field, SQLModel

from fleet_server.rollouts.states import ActionState, DeploymentState, Reason, WaveState

RETURN_WAVE: Final = 0
"""The wave number of the actions that bring devices back."""


def _milliseconds(*, nullable: bool = False) -> Column[int]:
    return Column(BigInteger, nullable=nullable)


class DeploymentRow(SQLModel, table=True):
    """An operator's intent: this version to these devices."""

    __tablename__ = "deployments"

    id: str = Field(primary_key=True, max_length=64)
    model: str = Field(max_length=64)
    version: str = Field(max_length=64)
    request: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    """What was asked, whole: it tells a repeated request from another one."""
    state: str = Field(default=DeploymentState.RUNNING, index=True, max_length=16)
    reason: str = Field(default=Reason.NONE, max_length=32)
    detail: str = Field(default="", sa_column=Column(Text, nullable=False))
    created_by: str
    created_ms: int = Field(sa_column=_milliseconds())
    changed_ms: int = Field(sa_column=_milliseconds())


class WaveRow(SQLModel, table=True):
    """A wave of a deployment; the first is number 1."""

    __tablename__ = "waves"

    deployment_id: str = Field(primary_key=True, foreign_key="deployments.id", max_length=64)
    number: int = Field(primary_key=True)
    state: str = Field(default=WaveState.PENDING, max_length=16)
    reason: str = Field(default=Reason.NONE, max_length=32)
    detail: str = Field(default="", sa_column=Column(Text, nullable=False))
    accepted: bool = False
    started_ms: int | None = Field(default=None, sa_column=_milliseconds(nullable=True))
    succeeded_ms: int | None = Field(default=None, sa_column=_milliseconds(nullable=True))


class ActionRow(SQLModel, table=True):
    """One device's part in a deployment; in ``RETURN_WAVE`` it brings a device back."""

    __tablename__ = "actions"
    __table_args__ = (
        Index("actions_by_deployment", "deployment_id", "id"),
        Index("actions_by_state", "deployment_id", "state", "wave", "id"),  # the controller counts by it each second
    )

    id: str = Field(primary_key=True, max_length=160)
    deployment_id: str = Field(foreign_key="deployments.id", max_length=64)
    wave: int
    device_id: str = Field(index=True, max_length=64)
    state: str = Field(default=ActionState.QUEUED, max_length=20)
    phase: str = Field(default="", max_length=16)
    """The device's own word, ``device_contract.messages.Phase``; empty until it answers."""
    reason_code: str = Field(default="", max_length=512)
    detail: str = Field(default="", sa_column=Column(Text, nullable=False))
    previous_slots: list[dict[str, Any]] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    """What the device had committed to when this was offered: the way back."""
    offered_ms: int | None = Field(default=None, sa_column=_milliseconds(nullable=True))
    began_ms: int | None = Field(default=None, sa_column=_milliseconds(nullable=True))
    ended_ms: int | None = Field(default=None, sa_column=_milliseconds(nullable=True))


class AssignmentRow(SQLModel, table=True):
    """What one device shall hold now, as it was signed."""

    __tablename__ = "assignments"

    device_id: str = Field(primary_key=True, max_length=64)
    sequence: int = Field(sa_column=Column(BigInteger, nullable=False))
    action_id: str = Field(max_length=160)
    slots: list[dict[str, Any]] = Field(sa_column=Column(JSON, nullable=False))
    committed_slots: list[dict[str, Any]] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    """The last slots that the device has reported to hold with success."""
    envelope: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    issued_ms: int = Field(sa_column=_milliseconds())
    expires_ms: int = Field(sa_column=_milliseconds())
    due_ms: int = Field(sa_column=Column(BigInteger, nullable=False, index=True))
    """When it is issued again: at half its life, or at once when what it would say has changed."""
