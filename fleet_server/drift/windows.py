"""The windows that are judged together: read, put together by device, and split into halves."""

from collections.abc import Callable
from dataclasses import dataclass, field

from msgspec.structs import replace
from sqlmodel import Session, col, select

from device_contract.baseline import Baseline
from device_contract.sketches import WindowSummary, decode_summary, merge
from fleet_server.drift.halves import Half, HalfName
from fleet_server.drift.tables import WaitingWindowRow
from fleet_server.telemetry.tables import WindowRow


@dataclass
class DeviceHalf:
    """One half of one device's window.

    Attributes:
        half: What it was counted with.
        version: Of its latest part.
        ordinal: Of its latest part.
        summary: The statistics of that half's streams.
    """

    half: Half
    version: str
    ordinal: int
    summary: WindowSummary

    def take(self, later: "DeviceHalf") -> None:
        """Take in a later part of the same window.

        What was counted with another reference cannot be added: the later part stays.
        """
        same = later.half.reference == self.half.reference
        self.summary = merge(self.summary, later.summary) if same else later.summary
        self.half, self.version, self.ordinal = later.half, later.version, later.ordinal


@dataclass
class FleetWindow:
    """One window of all devices that reported it.

    Attributes:
        model: The model.
        start_ms: Event time, inclusive.
        end_ms: Exclusive.
        parts: The reports in it, in the order of their arrival.
        halves: By half's name and device.
    """

    model: str
    start_ms: int
    end_ms: int
    parts: list[WindowRow] = field(default_factory=list)
    halves: dict[HalfName, dict[str, DeviceHalf]] = field(default_factory=dict)

    def references(self, name: HalfName) -> dict[str, dict[str, DeviceHalf]]:
        """Return one half's windows by reference, and by device."""
        found: dict[str, dict[str, DeviceHalf]] = {}
        for device_id, window in self.halves.get(name, {}).items():
            found.setdefault(window.half.reference, {})[device_id] = window
        return found


Counted = Callable[[WindowRow], tuple[Baseline, tuple[Half, ...]] | None]
"""Finds what a report was counted with; None if that is no longer known."""


def waiting_window(session: Session, model: str, start_ms: int, end_ms: int, counted: Counted) -> FleetWindow:
    """Read the reports of one window that wait.

    Args:
        session: The transaction.
        model: The model.
        start_ms: Event time, inclusive.
        end_ms: Exclusive.
        counted: Finds a report's baseline and its halves.
    """
    query = (
        select(WindowRow)
        .join(WaitingWindowRow, col(WaitingWindowRow.ordinal) == col(WindowRow.ordinal))
        .where(WaitingWindowRow.model == model, WaitingWindowRow.start_ms == start_ms)
        .where(WaitingWindowRow.end_ms == end_ms)
    )
    window = FleetWindow(model, start_ms, end_ms, list(session.exec(query.order_by(col(WindowRow.ordinal)))))
    for part in window.parts:
        found = counted(part)
        if found is not None:  # else it was refused when it was taken in
            _take(window, part, *found)
    return window


def _take(window: FleetWindow, part: WindowRow, baseline: Baseline, halves: tuple[Half, ...]) -> None:
    summary = decode_summary(part.summary, baseline)
    for half in halves:
        own = DeviceHalf(half, part.version, part.ordinal, replace(summary, streams=summary.streams[half.columns]))
        held = window.halves.setdefault(half.name, {}).get(part.device_id)
        if held is None:
            window.halves[half.name][part.device_id] = own
        else:
            held.take(own)
