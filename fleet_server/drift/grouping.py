"""Takes back what was said of groups that are no more, once devices are grouped by another label."""

from typing import cast

from sqlalchemy import delete
from sqlmodel import Session, col, select

from fleet_server.drift.settlement import Settled, Settlement
from fleet_server.drift.tables import GroupingRow, VerdictRow
from fleet_server.drift.verdict import REGROUPED, Kind, Verdict

_REGROUPED = Verdict("no_data", REGROUPED)


def grouped_by(session: Session, model: str) -> str | None:
    """Return by which label a model's devices were grouped when they were last judged; None before."""
    row = session.get(GroupingRow, model)
    return row.label if row is not None else None


def regroup(session: Session, model: str, label: str, *, start_ms: int, now_ms: int) -> None:
    """Note by which other label a model's devices are grouped now, and take back what stands of the earlier groups.

    What is said against training and a device's own past stays. A group of the same name by another label is
    another group.

    Args:
        session: The transaction.
        model: The model.
        label: The label's key; empty: all devices are one group.
        start_ms: From when on there is nothing to tell, in event time.
        now_ms: Present Unix time.
    """
    if grouped_by(session, model) is not None:
        _take_back(session, model, start_ms, now_ms)
    session.merge(GroupingRow(model=model, label=label))


def _take_back(session: Session, model: str, start_ms: int, now_ms: int) -> None:
    settlement = Settlement(session, model, now_ms)
    columns = VerdictRow.device_id, VerdictRow.group, VerdictRow.kind, VerdictRow.version
    query = select(*columns).where(VerdictRow.model == model, col(VerdictRow.kind).in_(("peers", "fleet")))
    standing = [
        Settled(device_id, group, cast("Kind", kind), version, _REGROUPED)
        for device_id, group, kind, version in session.exec(query)
    ]
    present = settlement.present([settled.device_id for settled in standing])
    settlement.settle(standing, present, start_ms)
    fleet = delete(VerdictRow).where(col(VerdictRow.model) == model, col(VerdictRow.kind) == "fleet")
    session.execute(fleet, execution_options={"synchronize_session": False})
