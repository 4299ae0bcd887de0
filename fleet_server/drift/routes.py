"""HTTP of the drift verdicts on devices."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel

from device_contract.names import DEVICE_ID_PATTERN, NAME_PATTERN
from fleet_server.auth import AuthService, Role
from fleet_server.bundles.service import BundleService
from fleet_server.devices.labels import parse_filter
from fleet_server.devices.service import DeviceService
from fleet_server.drift.frames import most_severe
from fleet_server.drift.reading import DeviceDrift
from fleet_server.drift.service import DriftService
from fleet_server.drift.tables import VerdictChangeRow
from fleet_server.drift.verdict import KINDS
from fleet_server.web import Cursor, Limit, Page, parse_ordinal

DeviceId = Annotated[str, Path(pattern=DEVICE_ID_PATTERN, description="A device's id.")]
ModelFilter = Annotated[str | None, Query(pattern=NAME_PATTERN, description="Of this model only.")]
DeviceFilter = Annotated[str | None, Query(pattern=DEVICE_ID_PATTERN, description="Of this device only.")]
LabelFilter = Annotated[list[str], Query(max_length=32, description="`key=value`; may be repeated.")]
Word = Literal["stable", "drift", "learning", "no_data"]
Kind = Literal["training", "own", "peers", "fleet"]
KindFilter = Annotated[Kind | None, Query(description="Of this comparison only.")]


class VerdictJson(BaseModel):
    """What one comparison says of a device."""

    verdict: Word
    features: list[str] = []
    """Drifting features, the most severe first."""
    outputs: list[str] = []
    """Drifting outputs of the model, the most severe first."""
    severity: float = 0.0
    """Of the most severe stream in the last judged window; 1 is at the alarm level."""
    since_ms: int | None = None
    """Start of the window with which this verdict, or its first drifting stream, began; in event time."""
    stream_since_ms: dict[str, int] = {}
    """The same for each drifting stream."""
    cause: str = ""
    """What it most likely is, as a stable word; empty where nothing drifts."""
    sentence: str = "There is nothing to judge yet."
    advice: str = ""
    """What to do; empty where nothing is."""
    evidence: dict[str, Any] = {}
    """The figures, by stream."""


class DriftJson(BaseModel):
    """The four verdicts on a device, for the model of its latest window."""

    device_id: str
    model: str | None
    version: str | None
    training: VerdictJson
    own: VerdictJson
    peers: VerdictJson
    fleet: VerdictJson
    """Of all devices of its group together."""


class ChangeJson(BaseModel):
    """A verdict that came, went, or named other streams or another cause."""

    ordinal: int
    device_id: str | None
    """Null for the whole fleet, or a group of it."""
    model: str
    kind: Kind
    group: str
    version: str
    verdict_before: str
    verdict: Word
    features: list[str]
    outputs: list[str]
    severity: float
    since_ms: int
    changed_ms: int
    cause: str
    sentence: str
    advice: str
    evidence: dict[str, Any]


def router(drift: DriftService, bundles: BundleService, devices: DeviceService, auth: AuthService) -> APIRouter:
    """Build the routes.

    Args:
        drift: The verdicts.
        bundles: Knows which models there are.
        devices: Knows which devices there are.
        auth: Checks roles.
    """
    routes = APIRouter(prefix="/api/v1", tags=["drift"], dependencies=[Depends(auth.require(Role.VIEWER))])

    @routes.get("/devices/{device_id}/drift")
    def get_drift(device_id: DeviceId) -> DriftJson:
        """Show the verdicts on one device, with their evidence."""
        devices.get(device_id)
        return _json(drift.device(device_id) or DeviceDrift(device_id, "", ""))

    @routes.get("/drift")
    def list_drift(
        model: ModelFilter = None,
        label: LabelFilter = [],  # noqa: B006  (FastAPI copies it)
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Page[DriftJson]:
        """List the verdicts on all devices that have sent a window, or on a segment of them, in order of id."""
        if model is not None:
            bundles.model(model)
        labels = parse_filter(label)
        found = [_json(one) for one in drift.devices(limit=limit + 1, after=cursor, model=model, labels=labels)]
        return Page[DriftJson].cut(found, limit, lambda device: device.device_id)

    @routes.get("/drift/changes")
    def list_changes(
        model: ModelFilter = None,
        device_id: DeviceFilter = None,
        kind: KindFilter = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Page[ChangeJson]:
        """List how verdicts changed, the last change first."""
        if model is not None:
            bundles.model(model)
        if device_id is not None:
            devices.get(device_id)
        rows = drift.changes(limit=limit + 1, before=parse_ordinal(cursor), model=model, device_id=device_id, kind=kind)
        return Page[ChangeJson].cut([_change(row) for row in rows], limit, lambda change: str(change.ordinal))

    return routes


def _json(drift: DeviceDrift) -> DriftJson:
    verdicts = {kind: _verdict(drift, kind) for kind in KINDS}
    return DriftJson(device_id=drift.device_id, model=drift.model or None, version=drift.version or None, **verdicts)


def _verdict(drift: DeviceDrift, kind: str) -> VerdictJson:
    row = drift.verdicts.get(kind)
    if row is None:
        return VerdictJson(verdict="no_data")
    found = VerdictJson.model_validate(row.model_dump(exclude={"device_id", "model", "kind", "group", "version"}))
    if kind in drift.evidence:
        found.evidence = drift.evidence[kind]
        found.severity = most_severe(found.evidence)
    return found


def _change(row: VerdictChangeRow) -> ChangeJson:
    return ChangeJson.model_validate({**row.model_dump(), "device_id": row.device_id or None})
