"""The drift verdicts, as people and alerts read them."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from sqlmodel import col, select
from sqlmodel.sql.expression import SelectOfScalar

from fleet_server.db import Database
from fleet_server.devices.service import DeviceService
from fleet_server.drift.policies import PolicyService
from fleet_server.drift.reading import DeviceDrift, changes_query, devices_query, last_evidence, verdicts_on
from fleet_server.drift.tables import DriftDeviceRow, VerdictChangeRow

_ANY: Final[Mapping[str, str]] = MappingProxyType({})


class DriftService:
    """The verdicts on the fleet; ``controller.DriftController`` makes them.

    Args:
        database: Where they are kept.
        devices: Knows the devices' labels.
        policies: Tell which label makes the peers' group.
    """

    def __init__(self, database: Database, devices: DeviceService, policies: PolicyService) -> None:
        self._database = database
        self._devices = devices
        self._policies = policies

    def device(self, device_id: str) -> DeviceDrift | None:
        """Return the verdicts on a device, with their evidence; ``None`` if it has sent no window yet."""
        query = select(DriftDeviceRow).where(DriftDeviceRow.device_id == device_id, col(DriftDeviceRow.current))
        found = next(iter(self._with_verdicts(query)), None)
        if found is not None:
            with self._database.reading() as session:
                found.evidence.update(last_evidence(session, found.device_id, found.model))
        return found

    def devices(
        self, *, limit: int, after: str | None = None, model: str | None = None, labels: Mapping[str, str] = _ANY
    ) -> list[DeviceDrift]:
        """Return the verdicts on all devices that have sent a window, or a segment of them, in order of id."""
        query = devices_query(model, labels).where(col(DriftDeviceRow.device_id) > (after or "")).limit(limit)
        return self._with_verdicts(query)

    def changes(
        self,
        *,
        limit: int,
        before: int | None = None,
        model: str | None = None,
        device_id: str | None = None,
        kind: str | None = None,
    ) -> Sequence[VerdictChangeRow]:
        """Return how verdicts changed, the last change first."""
        query = changes_query(model, device_id, kind)
        if before is not None:
            query = query.where(col(VerdictChangeRow.ordinal) < before)
        with self._database.reading() as session:
            return session.exec(query.limit(limit)).all()

    def changes_after(self, ordinal: int, limit: int) -> Sequence[VerdictChangeRow]:
        """Return the changes of verdicts after the one with this ordinal (0: from the first)."""
        query = select(VerdictChangeRow).where(col(VerdictChangeRow.ordinal) > ordinal)
        with self._database.reading() as session:
            return session.exec(query.order_by(col(VerdictChangeRow.ordinal)).limit(limit)).all()

    def _with_verdicts(self, query: SelectOfScalar[DriftDeviceRow]) -> list[DeviceDrift]:
        with self._database.reading() as session:
            devices = session.exec(query).all()
        groups: dict[str, str] = {}
        for model in sorted({device.model for device in devices}):
            label = self._policies.get(model).group_label
            values = self._devices.label_values(label) if label else {}
            groups |= {one.device_id: values.get(one.device_id, "") for one in devices if one.model == model}
        with self._database.reading() as session:
            return verdicts_on(session, devices, groups)
