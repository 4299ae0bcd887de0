"""Reads verdicts, judged windows and the fleet's chart; each function within the caller's transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from fleet_server.devices.tables import DeviceLabelRow
from fleet_server.drift.frames import evidence
from fleet_server.drift.history import frames_of
from fleet_server.drift.judged import decode_judged
from fleet_server.drift.tables import DriftDeviceRow, JudgedWindowRow, VerdictChangeRow, VerdictRow
from fleet_server.drift.verdict import DEVICE_KINDS, WHOLE_FLEET


@dataclass(frozen=True)
class DeviceDrift:
    """The verdicts on a device, for the model of its latest window.

    Attributes:
        device_id: The device.
        model: The model; empty before the first window.
        version: Of the latest window.
        verdicts: By kind; one that was never judged is missing.
        evidence: By kind, the figures of the last judged window.
    """

    device_id: str
    model: str
    version: str
    verdicts: dict[str, VerdictRow] = field(default_factory=dict)
    evidence: dict[str, dict[str, Any]] = field(default_factory=dict)


def verdicts_on(session: Session, devices: Sequence[DriftDeviceRow], groups: Mapping[str, str]) -> list[DeviceDrift]:
    """Return the verdicts on devices, that on the fleet of each one's group included.

    Args:
        session: The transaction.
        devices: Each with the model of its latest window.
        groups: The peers' group of each device that has one.
    """
    names = [device.device_id for device in devices]
    query = select(VerdictRow).where(col(VerdictRow.device_id).in_([*names, WHOLE_FLEET]))
    rows = {(row.device_id, row.model, row.kind, row.group): row for row in session.exec(query)}
    found = []
    for device in devices:
        fleet = (WHOLE_FLEET, device.model, "fleet", groups.get(device.device_id, ""))
        keys: dict[str, tuple[str, str, str, str]] = {"fleet": fleet}
        keys |= {kind: (device.device_id, device.model, kind, "") for kind in DEVICE_KINDS}
        verdicts = {kind: rows[key] for kind, key in keys.items() if key in rows}
        found.append(DeviceDrift(device.device_id, device.model, device.version, verdicts))
    return found


def devices_query(model: str | None, labels: Mapping[str, str]) -> SelectOfScalar[DriftDeviceRow]:
    """Return the query of the devices, of one model and one segment if asked, in order of id."""
    query = select(DriftDeviceRow).where(col(DriftDeviceRow.current)).order_by(col(DriftDeviceRow.device_id))
    if model is not None:
        query = query.where(DriftDeviceRow.model == model)
    for key, value in labels.items():
        carriers = select(DeviceLabelRow.device_id).where(DeviceLabelRow.key == key, DeviceLabelRow.value == value)
        query = query.where(col(DriftDeviceRow.device_id).in_(carriers))
    return query


def changes_query(model: str | None, device_id: str | None, kind: str | None) -> SelectOfScalar[VerdictChangeRow]:
    """Return the query of changes of verdicts, the last one first."""
    query = select(VerdictChangeRow).order_by(col(VerdictChangeRow.ordinal).desc())
    wanted = {VerdictChangeRow.model: model, VerdictChangeRow.device_id: device_id, VerdictChangeRow.kind: kind}
    for column, value in wanted.items():
        if value is not None:
            query = query.where(column == value)
    return query


def last_evidence(session: Session, device_id: str, model: str) -> dict[str, dict[str, Any]]:
    """Return the figures of a device's last judged window, by kind; empty before the first."""
    query = select(JudgedWindowRow).where(JudgedWindowRow.device_id == device_id, JudgedWindowRow.model == model)
    row = session.exec(query.order_by(col(JudgedWindowRow.start_ms).desc()).limit(1)).first()
    if row is None:
        return {}
    frames = frames_of(session, [row])[row.start_ms, row.end_ms]
    halves = decode_judged(row.data)
    return {kind: evidence(halves, frames, place) for place, kind in enumerate(DEVICE_KINDS)}
