"""The windows that are judged together: read, laid out, put together by device and split into halves."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np
import sqlalchemy
from sqlalchemy import ColumnElement
from sqlmodel import Session, col

from detectors import DeviceWindow, EncodedWindow, WindowArrays, cohorts, stack, stack_encoded
from device_contract.sketches import AttributionSums, WindowSummary, decode_summary, merge
from fleet_server.drift.halves import Counted, Half
from fleet_server.drift.tables import JudgedWindowRow, WaitingWindowRow
from fleet_server.telemetry.tables import WindowRow


class Part(NamedTuple):
    """A stored report, as far as it is judged: plain, since there are many of them."""

    ordinal: int
    device_id: str
    sequence: int
    slot: str
    model: str
    version: str
    bundle_sha256: str
    baseline_sha256: str
    window_start_ms: int
    window_end_ms: int
    merged_windows: int
    rows: int
    summary: bytes


FindCounted = Callable[[Part], Counted | None]
"""Finds what a report was counted with; None if that is no longer known."""
_NOT_COMPARED: Final = {"attributions": AttributionSums(), "score_counts": (), "metrics": {}}
"""What is not put together of parts that two versions counted."""


@dataclass(frozen=True)
class FleetWindow:
    """One window of all devices that reported it.

    Attributes:
        model: The model.
        start_ms: Event time, inclusive.
        end_ms: Exclusive.
        parts: The reports in it, in the order of their arrival.
    """

    model: str
    start_ms: int
    end_ms: int
    parts: Sequence[Part]

    @cached_property
    def last_parts(self) -> dict[str, Part]:
        """The latest part of each device."""
        return {part.device_id: part for part in self.parts}


@dataclass
class HalfWindow:
    """One half of a window, of the devices that share what it is compared with."""

    half: Half
    blocks: list[WindowArrays] = field(default_factory=list)

    @property
    def arrays(self) -> WindowArrays:
        """All of it."""
        if len(self.blocks) == 1:
            return self.blocks[0]
        joined: dict[str, Any] = {}
        for each in fields(WindowArrays):
            values = [getattr(block, each.name) for block in self.blocks]
            joined[each.name] = values[0] if each.name == "phase" else np.concatenate(values)
        return WindowArrays(**joined)


def waits_for(model: str, start_ms: int, end_ms: int) -> list[ColumnElement[bool]]:
    """Return the conditions of the rows that wait for a window.

    Args:
        model: The model.
        start_ms: Event time, inclusive.
        end_ms: Exclusive.
    """
    return _is(WaitingWindowRow, model, start_ms, end_ms)


def _is(
    row: type[WaitingWindowRow] | type[JudgedWindowRow], model: str, start_ms: int, end_ms: int
) -> list[ColumnElement[bool]]:
    return [col(row.model) == model, col(row.start_ms) == start_ms, col(row.end_ms) == end_ms]


def waiting_window(session: Session, model: str, start_ms: int, end_ms: int) -> FleetWindow:
    """Read the reports of one window that wait.

    Those of devices that were judged before a server ended within the window are left out.

    Args:
        session: The transaction.
        model: The model.
        start_ms: Event time, inclusive.
        end_ms: Exclusive.
    """
    waiting = WaitingWindowRow
    query = _parts().join(waiting, col(waiting.ordinal) == col(WindowRow.ordinal))
    query = query.where(*waits_for(model, start_ms, end_ms))
    judged = sqlalchemy.exists().where(*_is(JudgedWindowRow, model, start_ms, end_ms))
    if session.scalar(sqlalchemy.select(judged)):  # not for the most part: then each device need not be looked up
        query = query.where(~judged.where(col(JudgedWindowRow.device_id) == col(waiting.device_id)))
    return FleetWindow(model, start_ms, end_ms, _read(session, query))


def parts_after(session: Session, ordinal: int, limit: int) -> list[Part]:
    """Read the reports that arrived after the one with this ordinal (0: from the first), in that order."""
    return _read(session, _parts().where(col(WindowRow.ordinal) > ordinal).limit(limit))


def _read(session: Session, query: sqlalchemy.Select[Any]) -> list[Part]:
    return list(map(Part._make, session.connection().execute(query).all()))  # plain rows: the session's are made twice


def _parts() -> sqlalchemy.Select[Any]:
    reports = sqlalchemy.inspect(WindowRow).local_table  # its columns make plain rows, those of the class do not
    return sqlalchemy.select(*(reports.c[name] for name in Part._fields)).order_by(reports.c.ordinal)


def split(window: FleetWindow, groups: Mapping[str, str]) -> list[FleetWindow]:
    """Split a window by cohorts of devices.

    Args:
        window: The window.
        groups: The peers' group of each device; a device without one is in the group "".
    """
    last = window.last_parts
    peers = np.array([groups.get(device_id, "") for device_id in last], np.str_)
    versions = np.array([part.version for part in last.values()], np.str_)
    devices = np.array(list(last), np.str_)
    cohort_of: dict[str, list[Part]] = {}
    found: list[list[Part]] = []
    for places in cohorts(peers, versions):
        parts: list[Part] = []
        cohort_of |= dict.fromkeys(devices[places].tolist(), parts)
        found.append(parts)
    for part in window.parts:
        cohort_of[part.device_id].append(part)
    return [replace(window, parts=parts) for parts in found]


def half_windows(window: FleetWindow, counted: FindCounted, groups: Mapping[str, str]) -> Iterable[HalfWindow]:
    """Lay a window out: one half after the other, devices that share its reference together.

    Args:
        window: The window.
        counted: Finds what a report was counted with.
        groups: The peers' group of each device; a device without one is in the group "".
    """
    parts: defaultdict[str, list[Part]] = defaultdict(list)
    for part in window.parts:
        parts[part.device_id].append(part)
    found: dict[str, HalfWindow] = {}
    whole = [own[0] for own in parts.values() if len(own) == 1]
    for using, same in _by_counted(whole, counted):
        laid_out = stack_encoded(using.reference, using.reader, [_encoded(part, groups) for part in same])
        for half in using.halves:
            found.setdefault(half.digest, HalfWindow(half)).blocks.append(half.of(laid_out))
    for own in parts.values():
        if len(own) > 1:
            for half, summary in _put_together(own, counted):
                block = _laid_out(half, own[-1].device_id, groups.get(own[-1].device_id, ""), summary)
                found.setdefault(half.digest, HalfWindow(half)).blocks.append(block)
    return found.values()


def _by_counted(parts: Iterable[Part], counted: FindCounted) -> Iterable[tuple[Counted, list[Part]]]:
    found: dict[int, tuple[Counted, list[Part]]] = {}
    for part in parts:
        using = counted(part)
        if using is not None:
            found.setdefault(id(using), (using, []))[1].append(part)
    return found.values()


def _encoded(part: Part, groups: Mapping[str, str]) -> EncodedWindow:
    # outputs of different versions have different references: within one there is nothing to tell apart
    return EncodedWindow(part.device_id, groups.get(part.device_id, ""), "", part.summary)


def _put_together(parts: Iterable[Part], counted: FindCounted) -> Iterable[tuple[Half, WindowSummary]]:
    """Add up a device's parts of a window; of those that cannot be added the latest stays."""
    found: dict[str, tuple[Half, WindowSummary]] = {}
    for part in parts:
        using = counted(part)
        if using is not None:
            summary = decode_summary(part.summary, using.baseline)
            for half in using.halves:
                own = msgspec.structs.replace(summary, streams=summary.streams[half.columns], **_NOT_COMPARED)
                held = found.get(half.name)
                same = held is not None and held[0].digest == half.digest
                found[half.name] = (half, merge(held[1], own) if held is not None and same else own)
    return found.values()


def _laid_out(half: Half, device_id: str, group: str, summary: WindowSummary) -> WindowArrays:
    related = summary.comoments if half.name == "features" else None
    own = msgspec.structs.replace(summary, comoments=related)
    window = stack(half.reference, [DeviceWindow(device_id, group, "", own)])
    return replace(window, attributions=np.zeros((1, len(half.reference.attributions))))
