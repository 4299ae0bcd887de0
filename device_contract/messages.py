"""The messages between a device and its fleet server.

MessagePack arrays (msgspec ``array_like``) that start with a schema version. Fields
are only ever added at the end, with a default: a reader ignores the trailing fields
it does not know, so that old devices outlive new servers. The page is
``docs/formats/messages.md``.
"""

from typing import Annotated, Final, Literal

import msgspec

from device_contract.names import DeviceId, Name, Sha256, whole

SCHEMA_VERSION: Final = 1

Natural = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
Text = Annotated[str, msgspec.Meta(max_length=512, pattern=r"^[^\x00]*\Z")]
"""Any text without NUL, which PostgreSQL does not store."""
BootId = Annotated[str, whole(r"^[0-9a-f]{16}$")]
Slot = Literal["champion", "shadow", "fallback"]
SCORING_SLOTS: Final[tuple[Slot, ...]] = ("champion", "shadow")
"""The slots whose models see rows; the fallback only waits."""
Phase = Literal[
    "idle",
    "preparing",
    "staged",
    "activating",
    "probation",
    "succeeded",
    "failed",
    "rolled_back",
    "rejected",
]
"""A device's part in a deployment; the last four are final."""


class Message(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """What every message starts with."""

    schema_version: Literal[1] = SCHEMA_VERSION


class Birth(Message, frozen=True, kw_only=True):
    """A device's greeting (``up/birth``, retained); offline, its last will."""

    device_id: DeviceId
    boot_id: BootId
    online: bool
    agent_version: Text
    profile: Name
    processor: Text
    started_ms: Natural
    """Unix time in milliseconds at which the agent started."""


class SlotState(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """What a slot of the device holds."""

    slot: Slot
    model: Name
    version: Name
    bundle_sha256: Sha256


class Status(Message, frozen=True, kw_only=True):
    """The whole state of a device (``up/status``, retained): at each change, and as a heartbeat.

    It says everything each time, so a lost one costs nothing.
    """

    device_id: DeviceId
    boot_id: BootId
    time_ms: Natural
    action_id: Text
    """The action of the last assignment that the device has seen; empty before the first."""
    assignment_sequence: Natural
    phase: Phase
    reason_code: Text
    """Why the phase is ``failed``, ``rolled_back`` or ``rejected``; else empty."""
    detail: Text
    slots: Annotated[tuple[SlotState, ...], msgspec.Meta(max_length=8)]
    rows_scored: Natural
    """Rows scored since enrolment, by all models together."""
    outbox_reports: Natural
    """Reports that wait for an acknowledgement."""
    counters: Annotated[dict[Text, Natural], msgspec.Meta(max_length=64)]
    """Counts of what went wrong since the boot, by name (``docs/guides/device.md``)."""


class Report(Message, frozen=True, kw_only=True):
    """The statistics of one window (``up/report``); its key is (device, boot, sequence)."""

    device_id: DeviceId
    boot_id: BootId
    sequence: Natural
    slot: Slot
    model: Name
    version: Name
    bundle_sha256: Sha256
    baseline_sha256: Sha256
    """The baseline whose bins and pivots the summary uses."""
    window_start_ms: Natural
    """Start of the window in event time (Unix milliseconds), inclusive."""
    window_end_ms: Natural
    """End of the window, exclusive."""
    merged_windows: Natural
    """1; more when a full outbox merged neighbours."""
    rows: Natural
    summary: Annotated[bytes, msgspec.Meta(max_length=65_536)]
    """An encoded ``device_contract.sketches.WindowSummary``."""


class AssignmentMessage(Message, frozen=True, kw_only=True):
    """A signed assignment on its way (``down/assignment``, retained)."""

    envelope: Annotated[bytes, msgspec.Meta(max_length=16_384)]
    """DSSE envelope over a ``device_contract.assignment.Assignment``."""
    repository_url: Text
    """Where this device finds TUF metadata and targets: a short-lived signed address."""


class Ack(Message, frozen=True, kw_only=True):
    """The server has committed these reports (``down/ack``)."""

    boot_id: BootId
    sequences: Annotated[tuple[Natural, ...], msgspec.Meta(max_length=1000)]
