"""What the detectors remember, kept in the database: a blob for each device, and one for the fleet."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from sqlmodel import Session, col, select

from detectors.charts import Charts
from detectors.packing import pack, pack_fleet, unpack, unpack_fleet
from detectors.state import State, empty_state
from fleet_server.db import upsert
from fleet_server.drift.halves import HalfName
from fleet_server.drift.tables import DevicePastRow, FleetPastRow

_NAMED_DEVICES = 500
"""Up to so many are asked for by name; more are read together with all others."""


@dataclass(frozen=True)
class PastKey:
    """Whose pasts belong together.

    Attributes:
        model: The model.
        half: ``features`` or ``outputs``.
        reference: Digest of what they are compared with.
        phases: Windows in a season; another number makes another past.
    """

    model: str
    half: HalfName
    reference: str
    phases: int

    @property
    def stored(self) -> str:
        """The reference as it is stored: with the phases."""
        return f"{self.reference}.{self.phases}"


def load(session: Session, key: PastKey, charts: Charts, devices: Sequence[str]) -> State:
    """Return the state that devices are judged from; one without a past is not in it."""
    state = empty_state(charts, key.phases)
    fleet = session.get(FleetPastRow, (key.model, key.stored))
    if fleet is not None:
        state = replace(state, fleet=unpack_fleet(charts, key.phases, fleet.data))
    query = select(DevicePastRow.device_id, DevicePastRow.data).where(
        DevicePastRow.model == key.model, DevicePastRow.half == key.half, DevicePastRow.reference == key.stored
    )
    if len(devices) <= _NAMED_DEVICES:
        query = query.where(col(DevicePastRow.device_id).in_(devices))
    found = session.exec(query).all()
    if not found:
        return state
    names = np.array([device_id for device_id, _ in found], np.str_)
    pasts = unpack(charts, key.phases, [data for _, data in found])
    return replace(state, devices=names, versions=np.full(len(names), "", np.str_), pasts=pasts)


def save(session: Session, key: PastKey, state: State, devices: Sequence[str]) -> None:
    """Store the pasts of the devices that were judged."""
    judged = set(devices)
    places = np.flatnonzero([device in judged for device in state.devices.tolist()])
    blobs = pack(state.pasts.select(places))
    rows = [
        {
            "model": key.model,
            "device_id": device_id,
            "half": key.half,
            "reference": key.stored,
            "data": data,
        }
        for device_id, data in zip(state.devices[places].tolist(), blobs, strict=True)
    ]
    upsert(session, DevicePastRow, rows)


def save_fleet(session: Session, key: PastKey, state: State, end_ms: int) -> None:
    """Store what the fleet has in common after a window."""
    row = {"model": key.model, "reference": key.stored, "end_ms": end_ms, "data": pack_fleet(state.fleet)}
    upsert(session, FleetPastRow, [row])
