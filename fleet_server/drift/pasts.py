"""What the detectors remember, kept in the database: a blob for each device, and one for the fleet."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from sqlmodel import Session

from detectors import (
    DevicePasts,
    FleetPast,
    State,
    among_others,
    carry,
    charts_of,
    empty_state,
    pack,
    pack_fleet,
    unpack,
    unpack_fleet,
    without_groups,
)
from fleet_server.bulk import plain_rows, put_rows
from fleet_server.db import upsert
from fleet_server.drift.halves import Half
from fleet_server.drift.tables import DevicePastRow, FleetPastRow

_STORED = ("model", "device_id", "half", "reference", "baseline_sha256", "version", "group_label", "data")
_LOADED = ("device_id", "data", "reference", "baseline_sha256", "version", "group_label")
FindHalf = Callable[[str, str, str], Half | None]
"""Finds a half again by the digest of its baseline, its version and its name."""


@dataclass(frozen=True)
class PastKey:
    """Whose pasts belong together.

    Attributes:
        model: The model.
        half: What they are compared with.
        phases: Windows in a season; another number makes another past.
        group_label: The label by which peers are chosen; by another one they are others.
    """

    model: str
    half: Half
    phases: int
    group_label: str

    @property
    def reference(self) -> str:
        """How the database names what they are compared with."""
        return f"{self.half.digest}.{self.phases}"


class _Origin(NamedTuple):
    """What a past was judged with."""

    reference: str
    baseline_sha256: str
    version: str
    group_label: str


def load(session: Session, key: PastKey, devices: Sequence[str], find: FindHalf) -> State:
    """Return the state that devices are judged from, without the fleet's; one without a past is not in it.

    The past of a device whose features were compared with another reference is carried over, and of one that had
    other peers all but how it stands among them.

    Args:
        session: The transaction.
        key: Whose pasts.
        devices: The devices of a window.
        find: Finds what an earlier past was compared with.
    """
    state = empty_state(charts_of(key.half.reference), key.phases)
    blobs: dict[tuple[str, ...], dict[str, bytes]] = {}
    stored = plain_rows(session, DevicePastRow, _LOADED, devices, model=key.model, half=key.half.name)
    for device_id, data, *told in stored:
        blobs.setdefault(tuple(told), {})[device_id] = data
    names: list[str] = []
    pasts: list[DevicePasts] = []
    for judged_with, held in sorted(blobs.items()):
        origin = _Origin(*judged_with)
        same = [device_id for device_id in devices if device_id in held]  # in the window's order: no past need move
        found = _pasts(key, origin, [held[device_id] for device_id in same], find)
        if found is not None:
            names += same
            pasts.append(found if origin.group_label == key.group_label else among_others(found))
    joined = _join(pasts) if pasts else state.pasts
    return replace(state, devices=np.array(names, np.str_), versions=np.full(len(names), "", np.str_), pasts=joined)


def load_fleet(session: Session, key: PastKey) -> FleetPast:
    """Return what is known of all devices together; nothing before their first window."""
    charts = charts_of(key.half.reference)
    row = session.get(FleetPastRow, (key.model, key.reference))
    if row is None:
        return empty_state(charts, key.phases).fleet
    fleet = unpack_fleet(charts, key.phases, row.data)
    return fleet if row.group_label == key.group_label else without_groups(fleet)


def save(session: Session, key: PastKey, state: State) -> None:
    """Store the pasts of devices that were judged."""
    origin = (key.half.name, key.reference, key.half.baseline_sha256, key.half.version, key.group_label)
    named = zip(state.devices.tolist(), pack(state.pasts), strict=True)
    rows = [(key.model, device_id, *origin, data) for device_id, data in named]
    put_rows(session, DevicePastRow, _STORED, rows, replace=True)


def save_fleet(session: Session, key: PastKey, fleet: FleetPast, end_ms: int) -> None:
    """Store what the fleet has in common after a window."""
    row = {"model": key.model, "reference": key.reference, "end_ms": end_ms, "group_label": key.group_label}
    upsert(session, FleetPastRow, [row | {"data": pack_fleet(fleet)}])


def _pasts(key: PastKey, origin: _Origin, blobs: Sequence[bytes], find: FindHalf) -> DevicePasts | None:
    if origin.reference == key.reference:
        return unpack(charts_of(key.half.reference), key.phases, blobs)
    digest, _, phases = origin.reference.partition(".")
    earlier = find(origin.baseline_sha256, origin.version, key.half.name)
    if key.half.name == "outputs" or int(phases) != key.phases or earlier is None or earlier.digest != digest:
        return None
    held = unpack(charts_of(earlier.reference), key.phases, blobs)
    return carry(held, key.phases, earlier.reference, key.half.reference)


def _join(pasts: Sequence[DevicePasts]) -> DevicePasts:
    if len(pasts) == 1:
        return pasts[0]
    names = pasts[0].arrays()
    return DevicePasts(**{name: np.concatenate([getattr(one, name) for one in pasts]) for name in names})
