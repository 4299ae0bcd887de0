"""What devices last said of themselves as signals: silence, phase, counters, how late reports come."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import select
from sqlmodel import col

from fleet_server.alerts.readings import Batch, Reading, Signal
from fleet_server.alerts.rules import Value
from fleet_server.clock import Clock
from fleet_server.db import Database
from fleet_server.devices.tables import DeviceRow
from fleet_server.telemetry.tables import TelemetryTotalsRow

INTERVAL_MS: Final = 60_000
COUNTER: Final = "counter."


@dataclass(frozen=True, kw_only=True)
class _Device:
    device_id: str
    state: str
    online: bool
    phase: str
    outbox_reports: int
    counters: Mapping[str, int]
    heard_ms: int
    """When anything came from it last; its enrolment if nothing did."""
    late_ms: int | None
    """How long after the end of its window the latest report came; ``None`` before the first."""


_DEVICE_COLUMNS: Final = (
    DeviceRow.device_id,
    DeviceRow.state,
    DeviceRow.online,
    DeviceRow.phase,
    DeviceRow.outbox_reports,
    DeviceRow.counters,
    DeviceRow.enrolled_ms,
    DeviceRow.last_seen_ms,
)
_TOTALS_COLUMNS: Final = (TelemetryTotalsRow.last_received_ms, TelemetryTotalsRow.last_window_end_ms)

_VALUES: Final[Mapping[str, Callable[[_Device, int], Value]]] = {
    "device.silent_s": lambda device, now_ms: max(0, now_ms - device.heard_ms) / 1000,
    "device.online": lambda device, _: int(device.online),
    "device.phase": lambda device, _: device.phase,
    "device.outbox_reports": lambda device, _: device.outbox_reports,
    "report.latency_s": lambda device, _: None if device.late_ms is None else device.late_ms / 1000,
}

_SENTENCES: Final = {
    "device.silent_s": "{device} was last heard of {value:.0f} s ago.",
    "device.online": "{device} has {value} connections to the broker.",
    "device.phase": "{device} is in the phase {value} of an update.",
    "device.outbox_reports": "{device} has {value} reports that wait to be sent.",
    "report.latency_s": "The latest report of {device} came {value:.0f} s after the end of its window.",
}


class DeviceSignals:
    """Looks at every device once a minute.

    Args:
        database: Where devices and reports are.
        clock: Gives the present.
    """

    name = "devices"
    signals: Sequence[Signal] = (
        Signal("device.silent_s", "seconds since the server last heard of the device"),
        Signal("device.online", "1 while the device is connected, else 0"),
        Signal("device.phase", "phase of the device's update, a word"),
        Signal("device.outbox_reports", "reports that wait on the device"),
        Signal("report.latency_s", "seconds from the end of the latest reported window to its arrival"),
        Signal(f"{COUNTER}*", "a counter of the device's status, such as counter.rows_refused"),
    )

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def read(self, after: int, signals: Collection[str]) -> Batch:
        """Tell how the devices are; nothing until a minute after the last time."""
        now_ms = self._clock()
        if now_ms < after + INTERVAL_MS:
            return Batch((), after)
        devices = self._devices() if signals else ()
        return Batch([_reading(name, device, now_ms) for device in devices for name in signals], now_ms)

    def _devices(self) -> Sequence[_Device]:
        columns = [*map(col, _DEVICE_COLUMNS), *map(col, _TOTALS_COLUMNS)]
        query = select(*columns).outerjoin(TelemetryTotalsRow, col(TelemetryTotalsRow.device_id) == DeviceRow.device_id)
        with self._database.reading() as session:
            return [_device(row) for row in session.execute(query)]


def heard_ms_of(enrolled_ms: int, seen_ms: int | None, received_ms: int | None) -> int:
    """Return when anything came from a device last: a message or a report; its enrolment if nothing did."""
    return max(enrolled_ms, seen_ms or 0, received_ms or 0)


def _device(row: Sequence[Any]) -> _Device:
    device_id, state, online, phase, outbox_reports, counters = row[:6]
    enrolled_ms, seen_ms, received_ms, window_end_ms = row[6:]
    return _Device(
        device_id=device_id,
        state=state,
        online=online,
        phase=phase,
        outbox_reports=outbox_reports,
        counters=counters,
        heard_ms=heard_ms_of(enrolled_ms, seen_ms, received_ms),
        late_ms=None if received_ms is None else max(0, received_ms - window_end_ms),
    )


def _reading(signal: str, device: _Device, now_ms: int) -> Reading:
    value: Value = None  # of a device that was revoked there is nothing to judge any more
    if device.state == "active":
        value = _VALUES[signal](device, now_ms) if signal in _VALUES else device.counters.get(_counter(signal))
    return Reading(
        signal=signal,
        subject=device.device_id,
        value=value,
        time_ms=now_ms,
        sentence=_sentence(signal, device.device_id, value),
        device_id=device.device_id,
    )


def _counter(signal: str) -> str:
    return signal.removeprefix(COUNTER)


def _sentence(signal: str, device_id: str, value: Value) -> str:
    if value is None:
        return ""
    words = _SENTENCES.get(signal, "Counter " + _counter(signal) + " of {device} is at {value}.")
    return words.format(device=device_id, value=value)
