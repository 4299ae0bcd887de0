"""Counting refused labels: by device and reason, with the last of them as the example."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from sqlmodel import Session

from fleet_server.feedback.reasons import RefusalReason
from fleet_server.feedback.tables import LabelRefusalRow


@dataclass(frozen=True)
class Refusal:
    """A refused label.

    Args:
        device_id: Whose row it was about; empty if there is no such device.
        reason: Why it was refused.
        detail: What was found in it.
    """

    device_id: str
    reason: RefusalReason
    detail: str


def count_refusals(session: Session, model: str, refusals: Sequence[Refusal], now_ms: int) -> None:
    """Add refused labels to the counts, in the caller's transaction.

    Args:
        session: The transaction.
        model: The model; empty if there is no such model.
        refusals: In order.
        now_ms: The present.
    """
    alike: dict[tuple[str, str], list[Refusal]] = defaultdict(list)
    for refusal in refusals:
        alike[refusal.device_id, refusal.reason].append(refusal)
    for (device_id, reason), theirs in alike.items():
        row = session.get(LabelRefusalRow, (model, device_id, reason))
        if row is None:
            row = LabelRefusalRow(model=model, device_id=device_id, reason=reason, first_ms=now_ms, last_ms=now_ms)
            session.add(row)
        row.labels += len(theirs)
        row.last_ms, row.detail = now_ms, theirs[-1].detail
