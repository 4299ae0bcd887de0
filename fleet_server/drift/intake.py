"""Takes stored reports in: each waits for its window, or is counted with the reason why it cannot be judged."""

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable

from sqlmodel import Session, col, select

from fleet_server.drift.tables import DriftDeviceRow, WaitingWindowRow
from fleet_server.telemetry.refusals import Refusal
from fleet_server.telemetry.tables import WindowRow


def reason_not_to_judge(
    report: WindowRow, judged_ms: int, waiting: Iterable[WaitingWindowRow], summary_sha256: str
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
        devices = select(DriftDeviceRow).where(col(DriftDeviceRow.device_id).in_(device_ids))
        waiting = select(WaitingWindowRow).where(col(WaitingWindowRow.device_id).in_(device_ids))
        self._devices = {(row.device_id, row.model): row for row in session.exec(devices)}
        self._waiting: defaultdict[tuple[str, str], list[WaitingWindowRow]] = defaultdict(list)
        for row in session.exec(waiting):
            self._waiting[row.device_id, row.model].append(row)

    def take(self, report: WindowRow) -> Refusal | None:
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
            row = _waiting_row(report, digest)
            self._waiting[key].append(row)
            self._session.add(row)
        return refusal

    def _join(self, report: WindowRow) -> DriftDeviceRow:
        device = DriftDeviceRow(
            device_id=report.device_id,
            model=report.model,
            version=report.version,
            bundle_sha256=report.bundle_sha256,
            watermark_ms=report.window_start_ms,
            window_ms=report.window_end_ms - report.window_start_ms,
            current=False,
        )
        self._devices[report.device_id, report.model] = device
        self._session.add(device)
        return device

    def _advance(self, device: DriftDeviceRow, report: WindowRow) -> None:
        if report.window_start_ms >= device.watermark_ms:
            device.version, device.bundle_sha256 = report.version, report.bundle_sha256
            device.watermark_ms = report.window_start_ms
            device.window_ms = report.window_end_ms - report.window_start_ms
        if not device.current:
            self._leave_others(device)

    def _leave_others(self, device: DriftDeviceRow) -> None:
        """Make this the device's model; nobody waits for it under another one any more."""
        device.current = True
        for (device_id, model), other in self._devices.items():
            if device_id == device.device_id and other is not device:
                other.current = False
                other.watermark_ms = max(other.watermark_ms, device.watermark_ms)
                self.left.add(model)


def _waiting_row(report: WindowRow, summary_sha256: str) -> WaitingWindowRow:
    return WaitingWindowRow(
        ordinal=report.ordinal,
        model=report.model,
        start_ms=report.window_start_ms,
        end_ms=report.window_end_ms,
        device_id=report.device_id,
        version=report.version,
        baseline_sha256=report.baseline_sha256,
        summary_sha256=summary_sha256,
    )
