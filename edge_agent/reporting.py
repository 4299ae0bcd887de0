"""What the device says of itself: Birth and Status; Reports, Samples and Feedback through the outbox."""

import platform
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import Final

from device_contract.assignment import AssignedSlot, SamplingPolicy
from device_contract.codec import encode
from device_contract.errors import MessageError, SketchError
from device_contract.feedback import Feedback, LabelledRow
from device_contract.messages import Birth, Report, SlotState, Status
from device_contract.samples import Sample
from device_contract.sketches import encode_summary
from device_contract.topics import up
from device_contract.version import VERSION
from edge_agent.counters import Counters
from edge_agent.feedback import Version
from edge_agent.mqtt import Will
from edge_agent.outbox import Outbox
from edge_agent.sampling import in_messages, redact
from edge_agent.settings import Settings
from edge_agent.summary import ClosedWindow
from edge_agent.update.machine import UpdateState

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
    """Makes the device's messages, and sends what waits.

    Args:
        settings: Who this is.
        boot: This run.
        outbox: Where reports, samples and labels wait.
        counters: What goes into each Status.
    """

    def __init__(self, settings: Settings, boot: Boot, outbox: Outbox, counters: Counters) -> None:
        self._settings = settings
        self._boot = boot
        self._outbox = outbox
        self._counters = counters
        self._sequences = count()  # one for all kinds, and for every thread

    def birth(self, *, is_online: bool) -> Will:
        """Return the greeting, or what takes its place when the device is gone."""
        birth = Birth(
            device_id=self._settings.device_id,
            boot_id=self._boot.boot_id,
            online=is_online,
            agent_version=VERSION,
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
            outbox_reports=self._outbox.reports,
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
        return Report(
            device_id=self._settings.device_id,
            boot_id=self._boot.boot_id,
            sequence=next(self._sequences),
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

    def keep_sample(
        self, slot: AssignedSlot, features: tuple[str, ...], window: ClosedWindow, policy: SamplingPolicy
    ) -> None:
        """Put the rows that were drawn from a window into the outbox, redacted, unless it had too few.

        Args:
            slot: What was drawn from.
            features: The model's features, in order.
            window: The window, with its rows.
            policy: The leave to send them.
        """
        if window.summary.rows < policy.minimum_rows:
            self._counters.add("samples_withheld", f"{window.summary.rows} rows, {policy.minimum_rows} are needed")
            return
        redacted = tuple(name for name in features if name in policy.redacted)
        places = [features.index(name) for name in redacted]
        parts = in_messages([redact(row, places, len(features)) for row in window.rows])
        if sum(map(len, parts)) < len(window.rows):
            self._counters.add("samples_dropped", f"rows of {len(features)} features are too wide to be sent")
        for rows in parts:
            sample = Sample(
                device_id=self._settings.device_id,
                boot_id=self._boot.boot_id,
                sequence=next(self._sequences),
                slot=slot.slot,
                model=slot.model,
                version=slot.version,
                bundle_sha256=slot.sha256,
                window_start_ms=window.start_ms,
                window_end_ms=window.end_ms,
                rows_seen=window.summary.rows,
                redacted=redacted,
                rows=rows,
            )
            self._outbox.add(sample)

    def keep_labels(self, version: Version, labels: tuple[LabelledRow, ...]) -> None:
        """Put labels of one version's rows into the outbox; several messages where they are wide."""
        feedback = Feedback(
            device_id=self._settings.device_id,
            boot_id=self._boot.boot_id,
            sequence=next(self._sequences),
            model=version[0],
            version=version[1],
            labels=labels,
        )
        try:
            self._outbox.add(feedback)
        except MessageError as error:
            middle = len(labels) // 2
            if not middle:
                self._counters.add("feedback_dropped", error)
                return
            self.keep_labels(version, labels[:middle])
            self.keep_labels(version, labels[middle:])

    def send_due(self, now_s: float, publish: Callable[[str, bytes], bool]) -> None:
        """Send what waits, within the bound of what may be in flight."""
        settings = self._settings
        for kind, data in self._outbox.due(now_s, settings.report_resend_s, settings.reports_in_flight):
            publish(up(settings.device_id, kind), data)


def _slot_state(slot: AssignedSlot) -> SlotState:
    return SlotState(slot=slot.slot, model=slot.model, version=slot.version, bundle_sha256=slot.sha256)
