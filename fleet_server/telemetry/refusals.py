"""What was wrong with a device's reports: counted by reason, with the last case and what to do.

A report that cannot be used is refused at the door (``fleet_server.telemetry.admission``), or
stored and left unjudged (``fleet_server.drift``). Either way it is one line here, so that
nobody has to search a log for why a device has no verdict.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlmodel import Session, col, select

from fleet_server.telemetry.tables import RefusalRow

REASONS: Final = {
    "empty_window": "It ends before it starts. The device's agent is broken: install it again.",
    "future_window": "It ends more than a day from now. Set the device's clock, or the time column of its rows.",
    "unknown_bundle": "Its bundle was not published here. Deploy a published version to the device.",
    "wrong_bundle": "It was counted in the bins of another baseline than its bundle's. Deploy the version again.",
    "malformed_summary": "Its statistics contradict themselves or the baseline. Look at the device's disk and memory.",
    "wrong_rows": "It and its statistics disagree on the number of rows. Look at the device's disk and memory.",
    "no_rows": "It holds no rows. Look at the device's source of rows.",
    "no_baseline": "Its baseline is no longer known, so nothing can be compared.",
    "merged_window": "Its outbox was full and joined windows, which no peer can match. Give it a larger outbox.",
    "overlapping_window": "It overlaps another window of the device. Give the device one window_s, and one source.",
    "repeated_window": "The same statistics came under another key. Look for a copied disk or a second device.",
    "late_window": "The device was judged beyond it already. Windows of a device are judged in order of time.",
}
"""Every reason, and what it means for whoever looks after the device."""


@dataclass(frozen=True)
class Refusal:
    """Why one report was refused or not judged.

    Attributes:
        reason: A key of ``REASONS``.
        detail: What was seen in this report; empty where the reason says it all.
    """

    reason: str
    detail: str = ""


@dataclass(frozen=True)
class RefusedWindow:
    """The report that a refusal is about."""

    device_id: str
    sequence: int
    window_start_ms: int
    window_end_ms: int


def record_refusal(session: Session, window: RefusedWindow, refusal: Refusal, now_ms: int) -> None:
    """Count a refusal in the caller's transaction, and keep its report as the last of its kind."""
    row = session.get(RefusalRow, (window.device_id, refusal.reason))
    if row is None:
        row = RefusalRow(device_id=window.device_id, reason=refusal.reason, first_ms=now_ms)
        session.add(row)
    row.reports += 1
    row.last_ms, row.detail = now_ms, refusal.detail[:512]
    row.sequence, row.window_start_ms, row.window_end_ms = (
        window.sequence,
        window.window_start_ms,
        window.window_end_ms,
    )


def refusals_of(session: Session, device_id: str) -> Sequence[RefusalRow]:
    """Return what was wrong with a device's reports, the latest first."""
    query = select(RefusalRow).where(RefusalRow.device_id == device_id)
    return session.exec(query.order_by(col(RefusalRow.last_ms).desc(), col(RefusalRow.reason))).all()
