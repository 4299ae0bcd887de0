"""Takes stored reports in: each waits for its window, or is counted with the reason why it cannot be judged."""

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, fields
from operator import attrgetter
from typing import NamedTuple

from sqlmodel import Session

from fleet_server.bulk import plain_rows, put_rows
from fleet_server.drift.tables import DriftDeviceRow, WaitingWindowRow
from fleet_server.drift.windows import Part
from fleet_server.telemetry.refusals import Refusal


class Waiting(NamedTuple):
    """A ``WaitingWindowRow``, plain, since there are many of them."""

    ordinal: int
    model: str
    start_ms: int
    end_ms: int
    device_id: str
    version: str
    baseline_sha256: str
    summary_sha256: str


@dataclass(slots=True)
class _Device:
    """A ``DriftDeviceRow``, plain."""

    device_id: str
    model: str
    version: str
    bundle_sha256: str
    watermark_ms: int
    window_ms: int
    current: bool
    """SQLite gives 0 or 1."""
    judged_ms: int


_DEVICE = [field.name for field in fields(_Device)]
_PLAIN = attrgetter(*_DEVICE)


def reason_not_to_judge(
    report: Part, judged_ms: int, waiting: Iterable[Waiting], summary_sha256: str
) -> Refusal | None:
    """Tell why a window cannot be judged, or None if it can; pure.

    Args:
        report: The stored report.
        judged_ms: End of the device's last judged window; 0 before the first.
        waiting: The device's windows, with the same model, that wait.
        summary_sha256: Digest of the report's statistics.
    """
    if not report.rows:
        return Refusal("no_rows")
    if report.merged_windows > 1:
        return Refusal("merged_window", f"it joins {report.merged_windows} windows")
    if report.window_start_ms < judged_ms:
        return Refusal("late_window", f"judged up to {judged_ms}, it starts at {report.window_start_ms}")
    for other in waiting:
        if (other.start_ms, other.end_ms) == (report.window_start_ms, report.window_end_ms):
            if other.summary_sha256 == summary_sha256:
                return Refusal("repeated_window", f"as report {other.ordinal}")
        elif other.start_ms < report.window_end_ms and report.window_start_ms < other.end_ms:
            return Refusal("overlapping_window", f"another one goes from {other.start_ms} to {other.end_ms}")
    return None


class Intake:
    """Takes a batch of reports in, within the caller's transaction.

    Args:
        session: The transaction.
        device_ids: Of all devices in the batch.
    """

    def __init__(self, session: Session, device_ids: Collection[str]) -> None:
        self._session = session
        self.left: set[str] = set()
        """Models that a device has left."""
        devices = plain_rows(session, DriftDeviceRow, _DEVICE, device_ids)
        waiting = plain_rows(session, WaitingWindowRow, Waiting._fields, device_ids)
        self._devices = {(row[0], row[1]): _Device(*row) for row in devices}
        self._waiting: defaultdict[tuple[str, str], list[Waiting]] = defaultdict(list)
        for row in map(Waiting._make, waiting):
            self._waiting[row.device_id, row.model].append(row)
        self._new: list[Waiting] = []

    def take(self, report: Part) -> Refusal | None:
        """Let a report wait for its window.

        Returns:
            Why it cannot be judged; None if it can.
        """
        key = (report.device_id, report.model)
        digest = hashlib.sha256(report.summary).hexdigest()
        device = self._devices.get(key)
        judged_ms = device.judged_ms if device is not None else 0
        refusal = reason_not_to_judge(report, judged_ms, self._waiting[key], digest)
        if refusal is None:
            self._advance(device or self._join(report), report)
            row = _waiting(report, digest)
            self._waiting[key].append(row)
            self._new.append(row)
        return refusal

    def finish(self) -> None:
        """Store what was taken in."""
        put_rows(self._session, WaitingWindowRow, Waiting._fields, self._new)
        put_rows(self._session, DriftDeviceRow, _DEVICE, list(map(_PLAIN, self._devices.values())), replace=True)

    def _join(self, report: Part) -> _Device:
        device = self._devices[report.device_id, report.model] = _Device(
            device_id=report.device_id,
            model=report.model,
            version=report.version,
            bundle_sha256=report.bundle_sha256,
            watermark_ms=report.window_start_ms,
            window_ms=report.window_end_ms - report.window_start_ms,
            current=False,
            judged_ms=0,
        )
        return device

    def _advance(self, device: _Device, report: Part) -> None:
        if report.window_start_ms >= device.watermark_ms:
            device.version, device.bundle_sha256 = report.version, report.bundle_sha256
            device.watermark_ms = report.window_start_ms
            device.window_ms = report.window_end_ms - report.window_start_ms
        if not device.current:
            self._leave_others(device)

    def _leave_others(self, device: _Device) -> None:
        """Make this the device's model; nobody waits for it under another one any more."""
        device.current = True
        for (device_id, model), other in self._devices.items():
            if device_id == device.device_id and other is not device:
                other.current = False
                self.left.add(model)


def _waiting(report: Part, summary_sha256: str) -> Waiting:
    return Waiting(
        ordinal=report.ordinal,
        model=report.model,
        start_ms=report.window_start_ms,
        end_ms=report.window_end_ms,
        device_id=report.device_id,
        version=report.version,
        baseline_sha256=report.baseline_sha256,
        summary_sha256=summary_sha256,
    )
