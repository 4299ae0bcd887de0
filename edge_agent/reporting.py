"""What the device says of itself: Birth, Status, and Reports through the outbox."""

import platform
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from device_contract.assignment import AssignedSlot
from device_contract.codec import encode
from device_contract.errors import MessageError, SketchError
from device_contract.messages import Birth, Report, SlotState, Status
from device_contract.sketches import encode_summary
from device_contract.topics import up
from edge_agent.counters import Counters
from edge_agent.mqtt import Will
from edge_agent.outbox import Outbox
from edge_agent.settings import Settings
from edge_agent.summary import ClosedWindow
from edge_agent.update.machine import UpdateState

AGENT_VERSION: Final = "0.1.0"
MAX_TEXT: Final = 512
_EXPLAINED: Final = ("failed", "rolled_back", "rejected")


@dataclass(frozen=True)
class Boot:
    """One run of the agent.

    Attributes:
        boot_id: 16 random hexadecimal digits.
        started_ms: Unix milliseconds.
    """

    boot_id: str
    started_ms: int


class Reporter:
    """Makes the device's messages and sends reports.

    Args:
        settings: Who this is.
        boot: This run.
        outbox: Where reports wait.
        counters: What goes into each Status.
    """

    def __init__(self, settings: Settings, boot: Boot, outbox: Outbox, counters: Counters) -> None:
        self._settings = settings
        self._boot = boot
        self._outbox = outbox
        self._counters = counters
        self._next_sequence = 0

    def birth(self, *, is_online: bool) -> Will:
        """Return the greeting, or what takes its place when the device is gone."""
        birth = Birth(
            device_id=self._settings.device_id,
            boot_id=self._boot.boot_id,
            online=is_online,
            agent_version=AGENT_VERSION,
            profile=self._settings.profile,
            processor=platform.machine(),
            started_ms=self._boot.started_ms,
        )
        return Will(up(self._settings.device_id, "birth"), encode(birth))

    def status(self, state: UpdateState, slots: tuple[AssignedSlot, ...], rows_scored: int, time_ms: int) -> Status:
        """Return the whole state of the device.

        Args:
            state: The update machine's.
            slots: What is loaded now.
            rows_scored: Since enrolment.
            time_ms: Unix milliseconds.
        """
        return Status(
            device_id=self._settings.device_id,
            boot_id=self._boot.boot_id,
            time_ms=time_ms,
            action_id=state.action_id,
            assignment_sequence=state.seen_sequence,
            phase=state.phase,
            reason_code=state.reason_code if state.phase in _EXPLAINED else "",
            detail=state.detail.replace("\0", "")[:MAX_TEXT],
            slots=tuple(map(_slot_state, slots)),
            rows_scored=rows_scored,
            outbox_reports=len(self._outbox),
            counters=self._counters.snapshot(),
        )

    def keep(self, slot: AssignedSlot, baseline_sha256: str, window: ClosedWindow) -> None:
        """Put a closed window into the outbox; a report beyond the size limit is counted and dropped."""
        try:
            self._outbox.add(self._report(slot, baseline_sha256, window))
        except (SketchError, MessageError) as error:
            self._counters.add("reports_dropped", error)

    def _report(self, slot: AssignedSlot, baseline_sha256: str, window: ClosedWindow) -> Report:
        summary = encode_summary(window.summary, window.baseline)
        sequence, self._next_sequence = self._next_sequence, self._next_sequence + 1
        return Report(
            device_id=self._settings.device_id,
            boot_id=self._boot.boot_id,
            sequence=sequence,
            slot=slot.slot,
            model=slot.model,
            version=slot.version,
            bundle_sha256=slot.sha256,
            baseline_sha256=baseline_sha256,
            window_start_ms=window.start_ms,
            window_end_ms=window.end_ms,
            merged_windows=1,
            rows=window.summary.rows,
            summary=summary,
        )

    def send_due(self, now_s: float, publish: Callable[[str, bytes], bool]) -> None:
        """Send the reports that wait, within the bound of those in flight."""
        topic = up(self._settings.device_id, "report")
        for _key, data in self._outbox.due(now_s, self._settings.report_resend_s, self._settings.reports_in_flight):
            publish(topic, data)


def _slot_state(slot: AssignedSlot) -> SlotState:
    return SlotState(slot=slot.slot, model=slot.model, version=slot.version, bundle_sha256=slot.sha256)
