"""HTTP of the drift verdicts."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel

from device_contract.names import DEVICE_ID_PATTERN
from fleet_server.auth import AuthService, Role
from fleet_server.devices.service import DeviceService
from fleet_server.drift.service import DeviceDrift, DriftService
from fleet_server.drift.tables import VerdictRow
from fleet_server.web import Cursor, Limit, Page

DeviceId = Annotated[str, Path(pattern=DEVICE_ID_PATTERN, description="A device's id.")]


class VerdictJson(BaseModel):
    """What one comparison says of a device."""

    verdict: Literal["stable", "drift", "learning", "no_data"]
    features: list[str] = []
    """Drifting features, the most severe first."""
    outputs: list[str] = []
    """Drifting outputs of the model, the most severe first."""
    severity: float = 0.0
    """Of the most severe stream; 1 is at the alarm threshold."""
    since_ms: int | None = None
    """Start of the window with which this verdict began, in event time."""
    evidence: dict[str, Any] = {}
    """The figures, by stream."""
    sentence: str = "There is nothing to judge yet."


class DriftJson(BaseModel):
    """The verdicts on a device, for the model of its latest window."""

    device_id: str
    model: str | None
    version: str | None
    training: VerdictJson
    peers: VerdictJson


def router(drift: DriftService, devices: DeviceService, auth: AuthService) -> APIRouter:
    """Build the routes.

    Args:
        drift: The verdicts.
        devices: Knows which devices there are.
        auth: Checks roles.
    """
    routes = APIRouter(prefix="/api/v1", tags=["drift"], dependencies=[Depends(auth.require(Role.VIEWER))])

    @routes.get("/devices/{device_id}/drift")
    def get_drift(device_id: DeviceId) -> DriftJson:
        """Show the verdicts on one device, with their evidence."""
        devices.get(device_id)
        return _json(drift.device(device_id) or DeviceDrift(device_id, "", "", {}))

    @routes.get("/drift")
    def list_drift(limit: Limit = 50, cursor: Cursor = None) -> Page[DriftJson]:
        """List the verdicts on all devices that have sent a window, in order of id."""
        found = [_json(device) for device in drift.devices(limit=limit + 1, after=cursor)]
        return Page[DriftJson].cut(found, limit, lambda device: device.device_id)

    return routes


def _json(drift: DeviceDrift) -> DriftJson:
    return DriftJson(
        device_id=drift.device_id,
        model=drift.model or None,
        version=drift.version or None,
        training=_verdict(drift.verdicts.get("training")),
        peers=_verdict(drift.verdicts.get("peers")),
    )


def _verdict(row: VerdictRow | None) -> VerdictJson:
    if row is None:
        return VerdictJson(verdict="no_data")
    return VerdictJson.model_validate(row.model_dump(exclude={"device_id", "model", "kind", "version"}))
