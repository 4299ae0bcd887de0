"""The labels of some devices, within a transaction."""

from collections.abc import Iterable, Mapping

from sqlmodel import Session, col, select

from fleet_server.devices.tables import DeviceLabelRow


def labels_of(session: Session, device_ids: Iterable[str | None]) -> Mapping[str, Mapping[str, str]]:
    """Return the labels by device; a device without any is missing."""
    wanted = {device_id for device_id in device_ids if device_id is not None}
    labels: dict[str, dict[str, str]] = {}
    for row in session.exec(select(DeviceLabelRow).where(col(DeviceLabelRow.device_id).in_(wanted))):
        labels.setdefault(row.device_id, {})[row.key] = row.value
    return labels
