"""What the detectors remember, kept in the database: a blob for each device, and one for the fleet."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

import numpy as np
import sqlalchemy
from sqlmodel import Session, col

from detectors import DevicePasts, State, carry, charts_of, empty_state, pack, pack_fleet, unpack, unpack_fleet
from fleet_server.db import upsert
from fleet_server.drift.halves import Half
from fleet_server.drift.tables import DevicePastRow, FleetPastRow

_NAMED_DEVICES = 500
"""Up to so many are asked for by name; more are read together with all others."""
FindHalf = Callable[[str, str, str], Half | None]
"""Finds a half again by the digest of its baseline, its version and its name."""


@dataclass(frozen=True)
class PastKey:
    """Whose pasts belong together.

    Attributes:
        model: The model.
        half: What they are compared with.
        phases: Windows in a season; another number makes another past.
    """

    model: str
    half: Half
    phases: int

    @property
    def reference(self) -> str:
        """How the database names what they are compared with."""
        return f"{self.half.digest}.{self.phases}"


def load(session: Session, key: PastKey, devices: Sequence[str], find: FindHalf) -> State:
    """Return the state that devices are judged from; one without a past is not in it.

    The past of a device whose features were compared with another reference is carried over.

    Args:
        session: The transaction.
        key: Whose pasts.
        devices: The devices of a window.
        find: Finds what an earlier past was compared with.
    """
    charts = charts_of(key.half.reference)
    state = empty_state(charts, key.phases)
    fleet = session.get(FleetPastRow, (key.model, key.reference))
    if fleet is not None:
        state = replace(state, fleet=unpack_fleet(charts, key.phases, fleet.data))
    columns = (DevicePastRow.device_id, DevicePastRow.data, *_ORIGIN)
    query = sqlalchemy.select(*map(col, columns)).where(col(DevicePastRow.model) == key.model)
    query = query.where(col(DevicePastRow.half) == key.half.name)
    if len(devices) <= _NAMED_DEVICES:
        query = query.where(col(DevicePastRow.device_id).in_(devices))
    rows = sorted(session.execute(query), key=_origin)
    names: list[str] = []
    pasts = [state.pasts]
    for origin, same in groupby(rows, _origin):
        held = list(same)
        found = _pasts(key, origin, [data for _, data, *_ in held], find)
        if found is not None:
            names += [device_id for device_id, *_ in held]
            pasts.append(found)
    return replace(
        state, devices=np.array(names, np.str_), versions=np.full(len(names), "", np.str_), pasts=_join(pasts)
    )


def save(session: Session, key: PastKey, state: State, devices: Sequence[str]) -> None:
    """Store the pasts of the devices that were judged."""
    judged = set(devices)
    places = np.flatnonzero([device in judged for device in state.devices.tolist()])
    blobs = pack(state.pasts.select(places))
    rows = [
        {
            "model": key.model,
            "device_id": device_id,
            "half": key.half.name,
            "reference": key.reference,
            "baseline_sha256": key.half.baseline_sha256,
            "version": key.half.version,
            "data": data,
        }
        for device_id, data in zip(state.devices[places].tolist(), blobs, strict=True)
    ]
    upsert(session, DevicePastRow, rows)


def save_fleet(session: Session, key: PastKey, state: State, end_ms: int) -> None:
    """Store what the fleet has in common after a window."""
    row = {"model": key.model, "reference": key.reference, "end_ms": end_ms, "data": pack_fleet(state.fleet)}
    upsert(session, FleetPastRow, [row])


_ORIGIN = (DevicePastRow.reference, DevicePastRow.baseline_sha256, DevicePastRow.version)


def _origin(row: Sequence[Any]) -> tuple[str, str, str]:
    _, _, reference, baseline_sha256, version = row
    return reference, baseline_sha256, version


def _pasts(key: PastKey, origin: tuple[str, str, str], blobs: Sequence[bytes], find: FindHalf) -> DevicePasts | None:
    reference, baseline_sha256, version = origin
    if reference == key.reference:
        return unpack(charts_of(key.half.reference), key.phases, blobs)
    digest, _, phases = reference.partition(".")
    earlier = find(baseline_sha256, version, key.half.name)
    if key.half.name == "outputs" or int(phases) != key.phases or earlier is None or earlier.digest != digest:
        return None
    held = unpack(charts_of(earlier.reference), key.phases, blobs)
    return carry(held, key.phases, earlier.reference, key.half.reference)


def _join(pasts: Sequence[DevicePasts]) -> DevicePasts:
    names = pasts[0].arrays()
    return DevicePasts(**{name: np.concatenate([getattr(one, name) for one in pasts]) for name in names})
