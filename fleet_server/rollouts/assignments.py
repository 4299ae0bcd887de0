"""Assignments: signed, stored, and published retained for their device.

What is stored is the truth. It is published after the commit, again when the device
greets, and for every device when the server has joined a broker: so a broker that
forgets loses nothing. Each is issued again at half its life, under the same action.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from sqlalchemy import update
from sqlmodel import Session, col, select

from device_contract import topics
from device_contract.assignment import AssignedSlot, Assignment, SamplingPolicy
from device_contract.codec import encode
from device_contract.messages import AssignmentMessage
from fleet_server.broker.ingest import Outbound
from fleet_server.clock import Clock
from fleet_server.devices.tables import DeviceLabelRow
from fleet_server.rollouts.tables import AssignmentRow
from fleet_server.trust.director import Director
from fleet_server.trust.grants import DownloadGrants

_RENEWALS_A_STEP: Final = 500

Slot = dict[str, Any]
"""An ``AssignedSlot`` as it is stored."""
Sampling = Callable[[Session, Collection[str]], Mapping[str, SamplingPolicy | None]]
"""Tells what rows each of some devices may send."""


@dataclass(frozen=True)
class Order:
    """What a device shall hold, and the action by which it comes to it."""

    device_id: str
    action_id: str
    slots: list[Slot]


class Assignments:
    """Issues assignments, with a sequence that rises for each device.

    Args:
        director: Signs them.
        grants: Makes their download addresses.
        clock: Gives the present.
        life_s: Seconds until one expires.
        sampling: Tells what rows devices may send.
    """

    def __init__(
        self, director: Director, grants: DownloadGrants, clock: Clock, *, life_s: int, sampling: Sampling
    ) -> None:
        self._director = director
        self._grants = grants
        self._clock = clock
        self._life_ms = 1000 * life_s
        self._sampling = sampling

    def current(self, session: Session, device_ids: Collection[str]) -> dict[str, AssignmentRow]:
        """Return what each of these devices shall hold, locked against a change at the same time."""
        query = select(AssignmentRow).where(col(AssignmentRow.device_id).in_(device_ids))
        locked = query.order_by(col(AssignmentRow.device_id)).with_for_update()
        return {row.device_id: row for row in session.exec(locked)}

    def issue(self, session: Session, orders: Sequence[Order]) -> list[Outbound]:
        """Assign to each device what it is ordered, and return the messages that tell them."""
        current = self.current(session, [order.device_id for order in orders])
        rows = [current.get(order.device_id) or _unissued(order.device_id) for order in orders]
        for row, order in zip(rows, orders, strict=True):
            row.action_id, row.slots = order.action_id, order.slots
        return self._sign(session, rows)

    def renew(self, session: Session) -> list[Outbound]:
        """Issue again, with the same slots, what has lived half its life or was made due, the oldest first."""
        query = (
            select(AssignmentRow)
            .where(col(AssignmentRow.due_ms) <= self._clock())
            .order_by(col(AssignmentRow.due_ms))
            .limit(_RENEWALS_A_STEP)
            .with_for_update()
        )
        rows = session.exec(query).all()
        return self._sign(session, rows)

    def has_due(self, session: Session) -> bool:
        """Tell whether an assignment is due to be issued again."""
        query = select(AssignmentRow.device_id).where(col(AssignmentRow.due_ms) <= self._clock()).limit(1)
        return session.exec(query).first() is not None

    def make_due(self, session: Session, labels: Mapping[str, str], device_id: str | None = None) -> None:
        """Have the assignments of the devices with these labels, or of one device, issued again soon."""
        statement = update(AssignmentRow).values(due_ms=self._clock())
        for key, value in labels.items():
            carriers = select(DeviceLabelRow.device_id).where(DeviceLabelRow.key == key, DeviceLabelRow.value == value)
            statement = statement.where(col(AssignmentRow.device_id).in_(carriers))
        if device_id is not None:
            statement = statement.where(col(AssignmentRow.device_id) == device_id)
        session.exec(statement)

    def messages(self, session: Session, device_ids: Sequence[str] | None = None) -> list[Outbound]:
        """Return the present assignments of these devices, or of all, with fresh addresses."""
        query = select(AssignmentRow)
        if device_ids is not None:
            query = query.where(col(AssignmentRow.device_id).in_(device_ids))
        return [self.message(row) for row in session.exec(query)]

    def message(self, row: AssignmentRow) -> Outbound:
        """Return the retained message of an assignment, with a fresh address."""
        url = self._grants.repository_url(row.device_id)
        payload = encode(AssignmentMessage(envelope=row.envelope, repository_url=url))
        return Outbound(topics.down(row.device_id, "assignment"), payload, retain=True)

    def _sign(self, session: Session, rows: Sequence[AssignmentRow]) -> list[Outbound]:
        sampling = self._sampling(session, [row.device_id for row in rows])
        for row in rows:
            self._sign_row(row, sampling[row.device_id])
        session.add_all(rows)
        return [self.message(row) for row in rows]

    def _sign_row(self, row: AssignmentRow, sampling: SamplingPolicy | None) -> None:
        row.sequence += 1
        row.issued_ms = self._clock()
        row.expires_ms = row.issued_ms + self._life_ms
        row.due_ms = row.issued_ms + self._life_ms // 2
        row.envelope = self._director.sign_assignment(
            Assignment(
                device_id=row.device_id,
                sequence=row.sequence,
                action_id=row.action_id,
                issued_ms=row.issued_ms,
                expires_ms=row.expires_ms,
                slots=tuple(msgspec.convert(slot, AssignedSlot) for slot in row.slots),
                sampling=sampling,
            )
        )


def _unissued(device_id: str) -> AssignmentRow:
    return AssignmentRow(
        device_id=device_id, sequence=0, action_id="", slots=[], envelope=b"", issued_ms=0, expires_ms=0, due_ms=0
    )
